import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Failure } from '../failures.ts';
import { UsageError } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** Longer input is no secret. */
const MAX_INPUT = 10_000;

/**
 * Secrets that a command needs, one after another: asked for without echo on a terminal, else a line each of stdin.
 * @param what names the secret, such as `the bot’s token`
 * @throws UsageError where there is none; Failure `interrupted`
 */
export function secretInput({ draw }: Pick<Terminal, 'draw'>): (what: string) => Promise<string> {
  let lines: Promise<string[]> | undefined;
  return async (what) => {
    const isTerminal = process.stdin.isTTY === true;
    lines ??= isTerminal ? undefined : linesOfStdin();
    const text = isTerminal ? await asked(what, draw) : (await lines)?.shift();
    if (text === undefined || text === '')
      throw new UsageError(
        `${what} is missing: it is a secret, so give it on stdin (… < FILE), or type it where it is asked for`,
      );
    return text;
  };
}

async function linesOfStdin(): Promise<string[]> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_INPUT) throw new UsageError('what stdin has is too long for a secret');
  }
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.trim());
}

/** What is typed is not shown. */
function asked(what: string, draw: Terminal['draw']): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input: process.stdin, output, terminal: true });
  draw(`${what} (not shown): `);
  return new Promise((resolve, reject) => {
    const end = (use: () => void) => {
      prompt.close();
      draw('\n');
      use();
    };
    prompt.once('SIGINT', () => end(() => reject(new Failure('interrupted', 'interrupted'))));
    prompt.once('line', (line) => end(() => resolve(line.trim())));
    prompt.once('close', () => resolve(''));
  });
}
