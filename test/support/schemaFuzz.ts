import fc from 'fast-check';

export interface Schema {
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

/** Of a field that is not there. */
const ABSENT = Symbol('absent');

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

/** Within the bounds, rarely one beyond. */
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
      : // fast-check reads no lookahead; what it excludes is a wrong value like others.
        fc.stringMatching(new RegExp(pattern.replace(/\(\?![^)]*\)/g, '')), { size: 'small' });
  return fc.oneof(
    { weight: 30, arbitrary: fitting },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: maxLength + 1 }) },
  );
}

function objectOf({ properties = {}, required = [], patternProperties }: Schema): fc.Arbitrary<unknown> {
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  // Few of the fields that may be left out, so that not every request breaks some rule between two of them.
  const absent = { weight: Math.max(1, Math.ceil(optional.length / 2) - 1), arbitrary: fc.constant(ABSENT) };
  const model = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => {
      const value = fromSchema(each);
      return [name, required.includes(name) ? value : fc.oneof(absent, { weight: 1, arbitrary: value })];
    }),
  );
  const known = fc
    .record(model)
    .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ABSENT)));
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
