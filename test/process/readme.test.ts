import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { freePort } from '../support/freePort.ts';
import { builtProgram } from '../support/processes.ts';
import { useService } from '../support/service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a reader of the README types in a new folder, in the README's words. */
describe('the snippets of the README in a new project', function () {
  this.timeout(60_000);
  const service = useService();
  let readme: string;
  let folder: string;
  beforeEach(async () => {
    readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    folder = await mkdtemp(join(tmpdir(), 'dpf-readme-'));
    // As `npm init -y` writes it.
    await writeFile(
      join(folder, 'package.json'),
      '{ "name": "mine", "version": "1.0.0", "type": "commonjs" }',
    );
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** The fenced code that contains a text, with the address of this test's Redis. */
  function snippet(language: string, marker: string): string {
    const blocks = [...readme.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))];
    const found = blocks.map(([, code = '']) => code).filter((code) => code.includes(marker));
    expect(found, marker).to.have.length(1);
    const { port, host } = new URL(service.config.redis.url);
    return (found[0] as string)
      .replace(/host: 'localhost', port: 6379/, `host: '127.0.0.1', port: ${port}`)
      .replace(/redis:\/\/localhost:6379\b/, `redis://${host}`);
  }

  /** What the sentence before the snippet says: the packages to install and the name of the file. */
  function instructions(heading: string): { install: string[]; file: string } {
    const [, text = ''] = new RegExp(`\\*\\*\\d\\. ${heading}\\*\\*(.*?)\`\`\``, 's').exec(readme) ?? [];
    const [, packages = ''] = /`npm i ([^`]+)`/.exec(text) ?? [];
    const [, file = ''] = /`([\w.]+\.mjs)`/.exec(text) ?? [];
    return { install: packages.split(' '), file };
  }

  /** As npm does it, from this machine's packages: those that are named and what they depend on, nothing optional. */
  async function install(names: string[]): Promise<void> {
    const wanted = [...names];
    const done = new Set<string>();
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      if (done.has(name)) continue;
      done.add(name);
      const from = join(ROOT, 'node_modules', name);
      await cp(from, join(folder, 'node_modules', name), { recursive: true });
      const { dependencies = {} } = JSON.parse(await readFile(join(from, 'package.json'), 'utf8'));
      wanted.push(...Object.keys(dependencies));
    }
  }

  function node(file: string, env: Record<string, string> = {}) {
    return ended(process.execPath, [file], env);
  }

  async function ended(command: string, args: string[], env: Record<string, string> = {}) {
    const child = spawn(command, args, { cwd: folder, env: { PATH: process.env.PATH, ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, output };
  }

  it('plain BullMQ: with the packages that it names, and nothing else, it prints the outcome and ends', async () => {
    const { install: names, file } = instructions('Plain BullMQ');
    expect(names).to.deep.equal(['bullmq', 'ioredis']);
    await install(names);
    await writeFile(join(folder, file), snippet('js', 'QueueEvents'));
    const { code, output } = await node(file);
    expect(code, output).to.equal(0);
    expect(output).to.match(/^complete \d+\n$/);
  });

  it('the library: installed from its folder, it prints the outcome and a title, and ends', async () => {
    const { install: names, file } = instructions('The library');
    expect(names).to.deep.equal(['../dropship-product-finder']);
    // npm links a folder.
    await mkdir(join(folder, 'node_modules'));
    await symlink(ROOT, join(folder, 'node_modules/dropship-product-finder'));
    builtProgram();
    await writeFile(join(folder, file), snippet('js', 'await connect('));
    const { code, output } = await node(file);
    expect(code, output).to.equal(0);
    expect(output).to.match(/^complete \S.*\n$/);
  });

  it('HTTP: the three commands make a key, start a server and put in a search', async function () {
    if (spawnSync('curl', ['--version']).status !== 0) {
      console.error('skipped: curl is not there (apt-get install curl)');
      this.skip();
    }
    const port = await freePort();
    const commands = snippet('sh', 'dpf serve').replaceAll('localhost:3000', `127.0.0.1:${port}`);
    const script = `npx() { shift; exec "${process.execPath}" "${builtProgram()}" "$@"; }\n${commands}\nkill $!; wait`;
    const env = { REDIS_URL: service.config.redis.url, HTTP_PORT: String(port), LOG_LEVEL: 'error' };
    const { code, output } = await ended('sh', ['-c', script], env);
    expect(output, `${code}`).to.match(/\{"searchId":"s_\w+"\}/);
    const { searchId } = JSON.parse(/\{"searchId":"s_\w+"\}/.exec(output)?.[0] ?? '{}');
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect(summary?.outcome).to.equal('complete');
  });

  it('the command line: the search for real keys is a right one', async () => {
    const [, line = ''] = /`npx dpf (search "usb c hub"[^`]*)`/.exec(readme) ?? [];
    const script = `"${process.execPath}" "${builtProgram()}" ${line}`;
    const { code, output } = await ended('sh', ['-c', script], { REDIS_URL: service.config.redis.url });
    expect(code, output).to.equal(0);
    expect(output).to.include('✔ complete · 50 products');
  });
});
