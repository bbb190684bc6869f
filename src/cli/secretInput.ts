import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Failure } from '../failures.ts';
import { UsageError } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** Longer input is no secret. */
const MAX_INPUT = 10_000;

type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/**
 * Secrets that a command needs, one after another: asked for without echo on a terminal, else a line each of stdin.
 * @param what names the secret, such as `the bot’s token`
 * @throws UsageError where there is none; Failure `interrupted`
 */
export function secretInput(
  { draw }: Pick<Terminal, 'draw'>,
  input: Input = process.stdin,
): (what: string) => Promise<string> {
  let lines: Promise<string[]> | undefined;
  return async (what) => {
    const isTerminal = input.isTTY === true;
    lines ??= isTerminal ? undefined : linesOf(input);
    const text = isTerminal ? await asked(what, input, draw) : (await lines)?.shift();
    if (text === undefined || text === '')
      throw new UsageError(
        `${what} is missing: it is a secret, so give it on stdin (… < FILE), or type it where it is asked for`,
      );
    return text;
  };
}

async function linesOf(input: Input): Promise<string[]> {
  let text = '';
  for await (const chunk of input.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_INPUT) throw new UsageError('what stdin has is too long for a secret');
  }
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.trim());
}

/** What is typed is not shown. */
function asked(what: string, input: Input, draw: Terminal['draw']): Promise<string> {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const prompt = createInterface({ input, output, terminal: true });
  draw(`${what} (not shown): `);
  return new Promise((resolve, reject) => {
    prompt.once('line', (line) => {
      resolve(line.trim());
      prompt.close();
    });
    prompt.once('SIGINT', () => {
      reject(new Failure('interrupted', 'interrupted'));
      prompt.close();
    });
    // Also by Ctrl-D; what was settled before stays.
    prompt.once('close', () => {
      draw('\n');
      resolve('');
    });
  });
}
