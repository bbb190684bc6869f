import fc from 'fast-check';

/** One call as `inject` takes it. */
export interface FuzzCall {
  method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH' | 'OPTIONS' | 'HEAD';
  url: string;
  headers: Record<string, string>;
  payload?: string;
}

interface Schema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  patternProperties?: Record<string, Schema>;
}

/** What stands where something else is wanted. */
const JUNK: unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e308, 2 ** 53, '', ' ', '*', 'a'.repeat(101), '\0', '\ud800', '\u202e', '🎁'],
  ...[
    [],
    {},
    [[[[]]]],
    { a: 1 },
    '__proto__',
    '../x',
    'a:b',
    '-1',
    '1,00',
    '2020-01-01',
    'EBAY_UX',
    'toString',
  ],
];

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '',
  'a.b',
  'x'.repeat(300),
  'query',
  'tenant',
  '\u0000',
];

/** Values of a schema, every so often with something wrong in them. */
export function fromSchema(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 60, arbitrary: valid(schema) }, { weight: 1, arbitrary: junk() });
}

function junk(): fc.Arbitrary<unknown> {
  return fc.oneof(fc.constantFrom(...JUNK), fc.jsonValue({ maxDepth: 3 }));
}

function valid(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fromSchema));
  switch (schema.type) {
    case 'object':
      return objectOf(schema);
    case 'array':
      return fc.array(fromSchema(schema.items ?? {}), { maxLength: 4 });
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({
        min: (schema.minimum ?? 0) - 1,
        max: Math.min(schema.maximum ?? 1e9, 2 ** 31 - 2) + 1,
      });
    case 'number':
      return bounded((range) => fc.double({ ...range, noNaN: true }), schema);
    case 'boolean':
      return fc.boolean();
    default:
      return junk();
  }
}

/** Within the bounds, seldom one beyond. */
function bounded(make: (range: { min: number; max: number }) => fc.Arbitrary<number>, schema: Schema) {
  const { minimum: min = 0, maximum = 1e9 } = schema;
  const max = Math.min(maximum, 2 ** 31 - 2);
  return fc.oneof(
    { weight: 20, arbitrary: make({ min, max }) },
    { weight: 1, arbitrary: fc.constantFrom(min - 1, max + 1) },
  );
}

function textOf({ pattern, maxLength = 100 }: Schema): fc.Arbitrary<string> {
  const fitting =
    pattern === undefined
      ? fc.oneof(
          fc.constantFrom('phone case', 'mug', '0 3 * * *', 'UTC'),
          fc.string({ minLength: 1, maxLength }),
        )
      : fc.stringMatching(new RegExp(pattern), { size: 'small' });
  return fc.oneof(
    { weight: 30, arbitrary: fitting },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: maxLength + 1 }) },
  );
}

function objectOf({ properties = {}, required = [], patternProperties }: Schema): fc.Arbitrary<unknown> {
  const model = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => [name, fromSchema(each)]),
  );
  // Few of the fields that may be left out, so that not every request breaks some rule between two of them.
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const known = fc
    .tuple(fc.record(model), fc.subarray(optional, { maxLength: Math.min(5, optional.length) }))
    .map(([all, kept]) =>
      Object.fromEntries(
        Object.entries(all).filter(([name]) => required.includes(name) || kept.includes(name)),
      ),
    );
  const value = Object.values(patternProperties ?? {})[0];
  const extra =
    value === undefined
      ? fc.dictionary(fc.constantFrom(...KEYS), junk(), { maxKeys: 1 })
      : fc.dictionary(fc.string({ maxLength: 10 }), fromSchema(value), { maxKeys: 3 });
  return fc
    .tuple(known, fc.oneof({ weight: 20, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: extra }))
    .map(([fields, more]) => ({ ...fields, ...more }));
}

/** JSON text, every so often with bytes taken out, put in or swapped. */
export function bodyOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const text = value.map((each) => JSON.stringify(each) ?? '');
  const broken = fc
    .tuple(
      text,
      fc.nat(),
      fc.constantFrom('', '{', '}', ',', '"', '\\', '\0', '[', ']', '1e999', '//', '\ufeff', '"a":1,'),
    )
    .map(([whole, at, put]) => {
      const place = whole.length === 0 ? 0 : at % whole.length;
      return whole.slice(0, place) + put + whole.slice(place + 1);
    });
  const deep = fc
    .integer({ min: 1, max: 3000 })
    .map((n) => '['.repeat(n) + ']'.repeat(n % 3 === 0 ? n : n - 1));
  return fc.oneof(
    { weight: 16, arbitrary: text },
    { weight: 3, arbitrary: broken },
    { weight: 1, arbitrary: deep },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
  );
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
