import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';

const README = new URL('../../README.md', import.meta.url);

/** What a reader types in a folder of their own, in the README's words, at the address of a test's Redis. */
export interface Snippets {
  /** The packages that the README says to install for a snippet. */
  installs(heading: string): string[];
  /** The file that it says to save, run by Node. */
  run(heading: string, marker: string): Promise<Ended>;
  /** The three commands of HTTP, which `dpf` stands for. */
  http(dpf: string, port: number): Promise<Ended>;
  /** The search of the section on real keys. */
  cli(dpf: string): Promise<Ended>;
}

export interface Ended {
  code: number | null;
  output: string;
}

/** @param redisUrl read when a snippet runs */
export function snippetsIn(folder: () => string, redisUrl: () => string): Snippets {
  const readme = readFileSync(README, 'utf8');

  /** The fenced code that contains a text. */
  function code(language: string, marker: string): string {
    const blocks = [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))];
    const found = blocks.map(([, text = '']) => text).filter((text) => text.includes(marker));
    expect(found, marker).to.have.length(1);
    const { port, host } = new URL(redisUrl());
    return (found[0] as string)
      .replace(/host: 'localhost', port: 6379/, `host: '127.0.0.1', port: ${port}`)
      .replace(/redis:\/\/localhost:6379\b/, `redis://${host}`);
  }

  /** What stands before the snippet. */
  function instructions(heading: string): string {
    return new RegExp(`\\*\\*\\d\\. ${heading}\\*\\*(.*?)\`\`\``, 's').exec(readme)?.[1] ?? '';
  }

  /** npx calls the command that is given. */
  function inShell(dpf: string, script: string, env: Record<string, string> = {}): Promise<Ended> {
    const npx = `npx() { shift; exec ${dpf} "$@"; }`;
    const { PATH = '' } = process.env;
    return ended('sh', ['-c', `${npx}\n${script}`], folder(), { PATH, REDIS_URL: redisUrl(), ...env });
  }

  return {
    installs(heading) {
      const [, packages = ''] = /`npm i ([^`]+)`/.exec(instructions(heading)) ?? [];
      return packages.split(' ');
    },
    async run(heading, marker) {
      const [, file = ''] = /`([\w.]+\.mjs)`/.exec(instructions(heading)) ?? [];
      await writeFile(join(folder(), file), code('js', marker));
      return ended(process.execPath, [file], folder(), { PATH: process.env.PATH ?? '' });
    },
    http(dpf, port) {
      const commands = code('sh', 'dpf serve').replaceAll('localhost:3000', `127.0.0.1:${port}`);
      const env = { HTTP_PORT: String(port), LOG_LEVEL: 'error' };
      return inShell(dpf, `${commands}\nkill $!; wait`, env);
    },
    cli(dpf) {
      const [, line = ''] = /`(npx dpf search "usb c hub"[^`]*)`/.exec(readme) ?? [];
      return inShell(dpf, line);
    },
  };
}

async function ended(
  command: string,
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<Ended> {
  const child = spawn(command, args, { cwd, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}
