import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findFlaw, type JsonFlaw, MAX_DEPTH } from './jsonScan.ts';
import { type Problem, problem, unsupportedMediaType } from './problem.ts';

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
