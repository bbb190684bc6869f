import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import jsonc from 'jsonc-parser';
import { problem, unsupportedMediaType } from '../problem.ts';

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?;?\s*$/i;

/** JSON in UTF-8, uncompressed, is the only kind of body that is read. An empty body counts as none. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: Buffer) => {
      // Without compression there are no decompression bombs.
      const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity';
      if (!isPlain || !JSON_TYPE.test(headers['content-type'] ?? '')) throw unsupportedMediaType();
      return body.length === 0 ? undefined : parseJson(body);
    },
  );
}

/** Deeper than any valid request. */
const MAX_DEPTH = 32;

const MESSAGES = {
  invalid_json: 'the body is not valid JSON in UTF-8',
  too_deep: `the body nests deeper than ${MAX_DEPTH} levels`,
  duplicate_key: 'an object in the body has the same key twice',
};

/**
 * `JSON.parse` with the byte position of the first mistake, a limit on depth, and no key twice in one object, since parsers
 * disagree on which of the two counts. The messages repeat nothing of the body.
 */
function parseJson(body: Buffer): unknown {
  const text = body.toString();
  const refuseAt = (code: keyof typeof MESSAGES, offset: number) => {
    throw problem(400, code, `${MESSAGES[code]}: see byte ${Buffer.byteLength(text.slice(0, offset))}`);
  };
  if (!isUtf8(body))
    throw problem(400, 'invalid_json', `${MESSAGES.invalid_json}: see byte ${firstBad(body, text)}`);

  /** The keys of each open object; of an open list, none. */
  const open: Array<Set<string>> = [];
  const begin = (offset: number): void => {
    if (open.length === MAX_DEPTH) refuseAt('too_deep', offset);
    open.push(new Set());
  };
  const end = (): void => void open.pop();
  const visitor: jsonc.JSONVisitor = {
    onObjectBegin: begin,
    onObjectEnd: end,
    onArrayBegin: begin,
    onArrayEnd: end,
    onObjectProperty(key, offset) {
      const keys = open.at(-1);
      if (keys?.has(key)) refuseAt('duplicate_key', offset);
      keys?.add(key);
    },
    // Thrown at the first error: the visitor does not recurse into what follows.
    onError: (_, offset) => refuseAt('invalid_json', offset),
  };
  jsonc.visit(text, visitor, { disallowComments: true });
  return JSON.parse(text);
}

/** Decoding replaces invalid bytes, so the two differ at the first of them. */
function firstBad(body: Buffer, text: string): number {
  const decoded = Buffer.from(text);
  const at = body.findIndex((byte, index) => byte !== decoded[index]);
  return at === -1 ? body.length : at;
}
