import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Problem, problem, unsupportedMediaType } from '../problem.ts';

/** Where in a JSON text something is wrong, as a byte position. */
export interface JsonFlaw {
  code: 'invalid_json' | 'too_deep' | 'duplicate_key';
  position: number;
}

/** Deeper than any request; what nests deeper is an attack on recursive code. */
export const MAX_DEPTH = 32;

const WHITE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const NUMBER = /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORDS = ['true', 'false', 'null'];

const at = (char: string) => char.charCodeAt(0);
const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST, COMMA, COLON] = [...'"\\{}[],:'].map(at);

/**
 * Checks JSON without building anything: strict grammar (RFC 8259), at most 32 levels, no key twice in one object, which
 * parsers read differently. `JSON.parse` tells no byte position, echoes its input and keeps the last of two keys.
 *
 * @param bytes UTF-8
 */
export function findFlaw(bytes: Buffer): JsonFlaw | undefined {
  return new Scan(bytes).run();
}

/** What may come next. */
type Expected = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'nothing';

class Scan {
  readonly #bytes: Buffer;
  /** One character a byte, so that a regular expression can look at the bytes. */
  readonly #text: string;
  /** The open lists (null) and objects (their keys so far). */
  readonly #open: Array<Set<string> | null> = [];
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#text = bytes.toString('latin1');
  }

  run(): JsonFlaw | undefined {
    let expected: Expected = 'value';
    for (;;) {
      while (WHITE.has(this.#bytes[this.#position] as number)) this.#position += 1;
      if (this.#position >= this.#bytes.length) return expected === 'nothing' ? undefined : this.#flaw();
      const start = this.#position;
      const next = this.#step(expected, this.#bytes[start] as number);
      if (typeof next !== 'string') return next ?? this.#flaw();
      expected = next;
    }
  }

  #step(expected: Expected, byte: number): Expected | JsonFlaw | undefined {
    switch (expected) {
      case 'key or end':
        return byte === CLOSE ? this.#close() : this.#key(byte);
      case 'key':
        return this.#key(byte);
      case 'colon':
        return this.#skip(byte === COLON, 'value');
      case 'comma or end':
        return this.#afterValue(byte);
      case 'value or end':
        return byte === CLOSE_LIST ? this.#close() : this.#value(byte);
      case 'value':
        return this.#value(byte);
      default:
        return undefined;
    }
  }

  #afterValue(byte: number): Expected | undefined {
    const keys = this.#open.at(-1);
    if (byte === COMMA) return this.#skip(true, keys === null ? 'value' : 'key');
    return byte === (keys === null ? CLOSE_LIST : CLOSE) ? this.#close() : undefined;
  }

  #value(byte: number): Expected | JsonFlaw | undefined {
    if (byte === OPEN || byte === OPEN_LIST) {
      if (this.#open.length === MAX_DEPTH) return this.#flaw('too_deep');
      this.#open.push(byte === OPEN ? new Set() : null);
      return this.#skip(true, byte === OPEN ? 'key or end' : 'value or end');
    }
    const end = byte === QUOTE ? this.#endOfString() : this.#endOfWord();
    if (end === undefined) return undefined;
    this.#position = end;
    return this.#done();
  }

  #key(byte: number): Expected | JsonFlaw | undefined {
    const start = this.#position;
    const end = byte === QUOTE ? this.#endOfString() : undefined;
    if (end === undefined) return undefined;
    const keys = this.#open.at(-1) as Set<string>;
    // Two ways to write a key are the same key.
    const key = JSON.parse(this.#bytes.toString('utf8', start, end)) as string;
    if (keys.has(key)) return this.#flaw('duplicate_key');
    keys.add(key);
    this.#position = end;
    return 'colon';
  }

  /** Leaves the position at what is wrong in it. */
  #endOfString(): number | undefined {
    let position = this.#position + 1;
    for (;;) {
      const byte = this.#bytes[position];
      if (byte === QUOTE) return position + 1;
      const length = byte === BACKSLASH ? this.#escapeLength(position) : 1;
      if (byte === undefined || byte < 0x20 || length === 0) {
        this.#position = position;
        return undefined;
      }
      position += length;
    }
  }

  /** Of the escape that begins here; 0 for none that JSON knows. */
  #escapeLength(position: number): number {
    const letter = this.#text[position + 1] ?? '';
    if (letter !== 'u') return letter !== '' && '"\\/bfnrt'.includes(letter) ? 2 : 0;
    return /^[0-9a-fA-F]{4}$/.test(this.#text.slice(position + 2, position + 6)) ? 6 : 0;
  }

  #endOfWord(): number | undefined {
    const word = WORDS.find((each) => this.#text.startsWith(each, this.#position));
    if (word !== undefined) return this.#position + word.length;
    NUMBER.lastIndex = this.#position;
    return NUMBER.test(this.#text) ? NUMBER.lastIndex : undefined;
  }

  #close(): Expected {
    this.#open.pop();
    this.#position += 1;
    return this.#done();
  }

  #done(): Expected {
    return this.#open.length === 0 ? 'nothing' : 'comma or end';
  }

  #skip(fits: boolean, expected: Expected): Expected | undefined {
    if (fits) this.#position += 1;
    return fits ? expected : undefined;
  }

  #flaw(code: JsonFlaw['code'] = 'invalid_json'): JsonFlaw {
    return { code, position: this.#position };
  }
}

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?;?\s*$/i;

/** The only kind of body that this server reads: JSON in UTF-8, uncompressed. An empty one is none. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => parseJson(request, body),
  );
}

function parseJson({ headers }: FastifyRequest, body: Buffer): unknown {
  // A compressed body is of no use at these sizes, and none can be a bomb.
  const encoding = headers['content-encoding'];
  if (!JSON_TYPE.test(headers['content-type'] ?? '') || (encoding ?? 'identity') !== 'identity')
    throw unsupportedMediaType();
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw flawed({ code: 'invalid_json', position: firstNonUtf8(body) });
  const flaw = findFlaw(body);
  if (flaw !== undefined) throw flawed(flaw);
  return JSON.parse(body.toString());
}

const MESSAGES: Record<JsonFlaw['code'], string> = {
  invalid_json: 'the body is no valid JSON in UTF-8',
  too_deep: `the body nests deeper than ${MAX_DEPTH} levels`,
  duplicate_key: 'an object in the body has a key twice',
};

function flawed({ code, position }: JsonFlaw): Problem {
  return problem(400, code, `${MESSAGES[code]}: see byte ${position}`);
}

function firstNonUtf8(body: Buffer): number {
  let [valid, invalid] = [0, body.length];
  // The longest prefix that is whole characters; a prefix that ends within one is as good as that character's start.
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isValidPrefix(body, middle)) valid = middle;
    else invalid = middle;
  }
  return valid;
}

function isValidPrefix(body: Buffer, length: number): boolean {
  return [0, 1, 2, 3].some((cut) => length >= cut && isUtf8(body.subarray(0, length - cut)));
}
