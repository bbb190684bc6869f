import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import jsonc from 'jsonc-parser';
import { problem, unsupportedMediaType } from '../problem.ts';

/** Types of a body, without their white space. */
const JSON_TYPE = /^application\/json(;charset=("utf-8"|utf-8))?;?$/i;
const CSV_TYPE = /^text\/csv(;(charset=("utf-8"|utf-8)|header=(present|absent))?)*$/i;

/** JSON in UTF-8, uncompressed, is the only kind of body that is read. An empty body counts as none. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (!isOfType(request, JSON_TYPE)) throw unsupportedMediaType();
      return body.length === 0 ? undefined : parseJson(body);
    },
  );
}

/** CSV as the body of a request: its text. */
export class CsvBody {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The routes of this scope take CSV in UTF-8 too, uncompressed. */
export function acceptCsv(app: FastifyInstance): void {
  app.addContentTypeParser(
    'text/csv',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      if (!isOfType(request, CSV_TYPE))
        throw unsupportedMediaType('send application/json or text/csv, in UTF-8, uncompressed');
      if (body.length === 0) return undefined;
      if (isUtf8(body)) return new CsvBody(body.toString());
      throw problem(400, 'invalid_csv', `the body is not UTF-8: see byte ${firstBad(body, body.toString())}`);
    },
  );
}

/** Without compression there are no decompression bombs. */
function isOfType({ headers }: FastifyRequest, type: RegExp): boolean {
  const isPlain = (headers['content-encoding'] ?? 'identity') === 'identity';
  return isPlain && type.test((headers['content-type'] ?? '').replace(/\s+/g, ''));
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
