import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** A command that Redis carried out. */
export interface Monitored {
  /** Its name in lower case, then its first arguments as Redis shows them. */
  words: string[];
  /** A script ran it: it crossed no network. */
  isInScript: boolean;
}

/**
 * Watches a Redis with MONITOR from now on. ioredis's own `monitor()` fails on a busy server: lines arrive before it expects
 * them.
 * @param at as the options of a connection have it
 * @returns ends it
 */
export async function monitor(
  at: {
    host?: string | undefined;
    port?: number | undefined;
    username?: string | undefined;
    password?: string | null | undefined;
  },
  noted: (command: Monitored) => void,
): Promise<() => void> {
  const { host = '127.0.0.1', port = 6379, username = 'default', password } = at;
  const socket = connect(port, host);
  await once(socket, 'connect');
  const lines = createInterface({ input: socket });
  if (password) {
    socket.write(`AUTH ${username} ${password}\r\n`);
    await once(lines, 'line');
  }
  socket.write('MONITOR\r\n');
  const [answer] = await once(lines, 'line');
  if (answer !== '+OK') throw new Error(`MONITOR: ${answer}`);
  lines.on('line', (line) => {
    const [, source, text] = /^\+[\d.]+ \[\d+ ([^\]]+)\] (.*)/.exec(line) ?? [];
    if (source === undefined || text === undefined) return;
    const [name = '', ...rest] = wordsOf(text);
    noted({ words: [name.toLowerCase(), ...rest], isInScript: source === 'lua' });
  });
  return () => socket.destroy();
}

/** The first arguments; those that name a command are short and need no unescaping. */
function wordsOf(text: string): string[] {
  return [...text.slice(0, 500).matchAll(/"((?:[^"\\]|\\.)*)"/g)].slice(0, 8).map(([, word = '']) => word);
}
