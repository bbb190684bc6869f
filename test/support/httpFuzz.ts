import fc from 'fast-check';
import { bodyOf, fromSchema, type Schema } from './schemaFuzz.ts';

/** One call, its header values as bytes of Latin-1. */
export interface FuzzCall {
  method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH' | 'OPTIONS' | 'HEAD';
  url: string;
  headers: Record<string, string>;
  payload?: string;
}

export interface FuzzSchemas {
  request: Schema;
  schedule: Schema;
}

/** Calls of every route, mostly well formed, with parameters, headers and bodies that often are not. */
export function anyCall(schemas: FuzzSchemas, authorization: string): fc.Arbitrary<FuzzCall> {
  return fc
    .tuple(target(schemas), query(), headers(authorization))
    .map(([{ method, path, payload }, ask, sent]) => ({
      method,
      url: path + ask,
      headers: sent,
      ...(payload === undefined ? {} : { payload }),
    }));
}

interface Target {
  method: FuzzCall['method'];
  path: string;
  payload?: string;
}

function target({ request, schedule }: FuzzSchemas): fc.Arbitrary<Target> {
  const search = fromSchema(request);
  const single = bodyOf(search);
  const several = bodyOf(fc.array(search, { maxLength: 3 }));
  const timed = bodyOf(fromSchema(schedule));
  const post = (path: string, body: fc.Arbitrary<string>) =>
    body.map((payload): Target => ({ method: 'POST', path, payload }));
  const found = fc
    .tuple(segment(), fc.constantFrom('', '/products', '/retry', '/events', '/x'))
    .map(([id, rest]) => `/v1/searches/${id}${rest}`);
  const timetable = fc
    .tuple(segment(), fc.constantFrom('', '/pause', '/resume', '/run'))
    .map(([name, rest]) => `/v1/schedules/${name}${rest}`);
  const fixed = fc.constantFrom(
    '/v1/searches',
    '/v1/schedules',
    '/v1/quota',
    '/livez',
    '/docs/json',
    '/nothing',
  );
  const path = fc.oneof(fixed, found, timetable);
  const verbs: FuzzCall['method'][] = [
    'GET',
    'GET',
    'GET',
    'POST',
    'DELETE',
    'PUT',
    'PATCH',
    'OPTIONS',
    'HEAD',
  ];
  const other = fc
    .tuple(fc.constantFrom(...verbs), path)
    .map(([method, at]): Target => ({ method, path: at }));
  return fc.oneof(
    { weight: 8, arbitrary: post('/v1/searches', single) },
    { weight: 2, arbitrary: post('/v1/searches', several) },
    { weight: 3, arbitrary: post('/v1/estimates', single) },
    { weight: 4, arbitrary: post('/v1/schedules', timed) },
    { weight: 9, arbitrary: other },
  );
}

/** What stands for an id or a name. */
function segment(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      's_x',
      'meta',
      'wait',
      'id',
      'repeat:a:1',
      '0',
      '..',
      '%00',
      'a%2fb',
      '%ff',
      'x'.repeat(250),
    ),
    fc.string({ maxLength: 12 }).map((each) => encodeURIComponent(each)),
  );
}

function query(): fc.Arbitrary<string> {
  const names = [
    'wait',
    'limit',
    'cursor',
    'sort',
    'minTotal',
    'currency',
    'mark',
    'format',
    'conditionId',
    'x',
    'key',
  ];
  const values = ['0', '-1', '1e9', 'USD', 'total', 'ndjson', '%', '%00', 'new'];
  const parameter = fc
    .tuple(fc.constantFrom(...names), fc.oneof(fc.constantFrom(...values), fc.string({ maxLength: 8 })))
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    {
      weight: 1,
      arbitrary: fc.array(parameter, { minLength: 1, maxLength: 3 }).map((all) => `?${all.join('&')}`),
    },
  );
}

function headers(authorization: string): fc.Arbitrary<Record<string, string>> {
  const mostly = (usual: string, ...others: string[]) =>
    fc.oneof(
      { weight: 30, arbitrary: fc.constant(usual) },
      { weight: 1, arbitrary: fc.constantFrom(...others) },
    );
  const sent = fc.record({
    authorization: mostly(authorization, '', 'Bearer x', 'Basic eDp5'),
    'content-type': mostly(
      'application/json',
      '',
      'text/plain',
      'application/json; charset=utf-16',
      'a/b;;;',
    ),
    accept: mostly('*/*', 'text/csv', 'application/x-ndjson', 'text/html', ';;;', 'a/b;q=z'),
  });
  const key = fc.oneof(
    { weight: 15, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('k1', 'k2', 'a b', 'é', 'k'.repeat(300))
        .map((word) => ({ 'idempotency-key': word })),
    },
  );
  return fc.tuple(sent, key).map(([usual, more]) => ({ host: 'localhost', ...usual, ...more }));
}
