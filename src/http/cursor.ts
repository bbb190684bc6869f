import { createHash } from 'node:crypto';
import { problem } from './problem.ts';

/** Where the next page of a list begins, for the same question only. */
export function cursorOf(question: object, skip: number): string {
  return Buffer.from(`${skip}.${fingerprint(question)}`).toString('base64url');
}

/** @throws Problem 400 for what is no cursor of this question */
export function skipOf(question: object, cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const [, skip, print] = /^(\d{1,6})\.([\w-]{11})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (skip !== undefined && print === fingerprint(question)) return Number(skip);
  throw problem(400, 'invalid_cursor', 'take `next` of the page before, with the same sort and filters', {
    path: 'cursor',
  });
}

function fingerprint(question: object): string {
  return createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 11);
}
