import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { monitor } from '../../test/support/monitor.ts';

/** One kind of command that clients sent, and what the scripts that it ran called in turn. */
export interface Sent {
  command: string;
  /** How often clients sent it. */
  sent: number;
  /** Commands within its scripts. */
  within: number;
}

/** Watches a Redis with MONITOR until the returned function is called; that gives what clients sent, the most expensive first. */
export async function watchCommands(url: string): Promise<() => Promise<Sent[]>> {
  const names = await bullmqScripts();
  const { hostname, port } = new URL(url);
  const kinds = new Map<string, Sent>();
  let last: Sent | undefined;
  const stop = await monitor({ host: hostname, port: Number(port) }, ({ words, isInScript }) => {
    if (isInScript) {
      // Redis shows a script's commands right after the script.
      if (last) last.within += 1;
      return;
    }
    const command = nameOf(words, names);
    last = kinds.get(command) ?? { command, sent: 0, within: 0 };
    last.sent += 1;
    kinds.set(command, last);
  });
  return async () => {
    stop();
    return [...kinds.values()].sort((one, other) => other.sent + other.within - one.sent - one.within);
  };
}

/** A script by its name in BullMQ, or by its first key; any other command with its first key. */
function nameOf([name = '', ...rest]: string[], names: ReadonlyMap<string, string>): string {
  if (name !== 'evalsha' && name !== 'eval') return `${name} ${kindOf(rest[0])}`.trim();
  const [sha = '', keys, key] = rest;
  const known = names.get(sha);
  const queue = kindOf(key).split(':')[0];
  if (known !== undefined) return `BullMQ ${known}, ${queue}`;
  return keys === '0' ? 'script without keys' : `script on ${kindOf(key)}`;
}

/** A key without what differs from search to search. */
function kindOf(key = ''): string {
  return key
    .replace(/^\{\w+\}:|^bull:/, '')
    .split(':')
    .map((part) => (/\d{3}|^\d+$/.test(part) ? '#' : part))
    .slice(0, 3)
    .join(':');
}

/** Names of BullMQ's scripts by their SHA-1. It ships each as a module that exports one `{ name, content }`. */
async function bullmqScripts(): Promise<Map<string, string>> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('bullmq')), '../esm/scripts');
  const files = readdirSync(folder).filter((file) => /-\d+\.js$/.test(file));
  const modules: Array<Record<string, { name: string; content: string }>> = await Promise.all(
    files.map((file) => import(join(folder, file))),
  );
  const scripts = modules.flatMap((module) => Object.values(module));
  return new Map(
    scripts.map(({ name, content }) => [createHash('sha1').update(content).digest('hex'), name]),
  );
}
