import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** One kind of command that clients sent, and what the scripts that it ran called in turn. */
export interface Sent {
  command: string;
  /** How often clients sent it. */
  sent: number;
  /** Commands within its scripts. */
  within: number;
}

/**
 * Watches a Redis with MONITOR until the returned function is called; that gives what clients sent, the most expensive
 * first. ioredis's own `monitor()` fails on a busy server: lines arrive before it expects them.
 */
export async function watchCommands(url: string): Promise<() => Promise<Sent[]>> {
  const names = await bullmqScripts();
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const kinds = new Map<string, Sent>();
  let last: Sent | undefined;
  createInterface({ input: socket }).on('line', (line) => {
    const [, source, text] = /^\+[\d.]+ \[\d+ ([^\]]+)\] (.*)/.exec(line) ?? [];
    if (source === undefined || text === undefined) return;
    if (source === 'lua') {
      // Redis shows a script's commands right after the script.
      if (last) last.within += 1;
      return;
    }
    const command = nameOf(argumentsOf(text), names);
    last = kinds.get(command) ?? { command, sent: 0, within: 0 };
    last.sent += 1;
    kinds.set(command, last);
  });
  socket.write('MONITOR\r\n');
  return async () => {
    socket.destroy();
    await once(socket, 'close');
    return [...kinds.values()].sort((one, other) => other.sent + other.within - one.sent - one.within);
  };
}

/** The first arguments; those that name a command are short and need no unescaping. */
function argumentsOf(text: string): string[] {
  return [...text.slice(0, 500).matchAll(/"((?:[^"\\]|\\.)*)"/g)].slice(0, 8).map(([, word = '']) => word);
}

/** A script by its name in BullMQ, or by its first key; any other command with its first key. */
function nameOf([command = '', ...rest]: string[], names: ReadonlyMap<string, string>): string {
  const name = command.toLowerCase();
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
