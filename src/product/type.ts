import type TypeBox from 'typebox';

type Options = Record<string, unknown> | undefined;
type Schema = Record<string, unknown>;

/** A schema with a mark that JSON does not show, as TypeBox marks its own. */
function marked(schema: Schema, mark: string, value: unknown): Schema {
  return Object.defineProperty(schema, mark, {
    value,
    enumerable: false,
    configurable: true,
    writable: true,
  });
}

const schema = (kind: string, own: Schema, options: Options): Schema =>
  marked({ ...own, ...options }, '~kind', kind);

const simple = (kind: string) => (options?: Options) => schema(kind, { type: kind.toLowerCase() }, options);

/**
 * The builders of TypeBox that the schemas need, typed by it. TypeBox itself (1.4.3) loads 709 modules, which cost each start of
 * a server, and a program that only adds searches, 0.2 s and 20 MB. Its own builders accept these schemas: the marks are the
 * same.
 */
export const Type = {
  String: simple('String'),
  Number: simple('Number'),
  Integer: simple('Integer'),
  Boolean: simple('Boolean'),
  Null: simple('Null'),
  Literal: (value: unknown, options?: Options) =>
    schema('Literal', { type: typeof value, const: value }, options),
  Enum: (values: unknown, options?: Options) => schema('Enum', { enum: values }, options),
  Array: (items: Schema, options?: Options) => schema('Array', { type: 'array', items }, options),
  Union: (anyOf: Schema[], options?: Options) => schema('Union', { anyOf }, options),
  Record: (key: Schema, value: Schema, options?: Options) =>
    schema(
      'Record',
      { type: 'object', patternProperties: { [String(key.pattern ?? '^.*$')]: value } },
      options,
    ),
  Object(properties: Record<string, Schema>, options?: Options) {
    const required = Object.keys(properties).filter((name) => !('~optional' in (properties[name] as Schema)));
    const own = required.length === 0 ? { properties } : { required, properties };
    return schema('Object', { type: 'object', ...own }, options);
  },
  Optional: (type: Schema) => marked(marked({ ...type }, '~kind', type['~kind']), '~optional', true),
} as unknown as Pick<
  typeof TypeBox,
  | 'String'
  | 'Number'
  | 'Integer'
  | 'Boolean'
  | 'Null'
  | 'Literal'
  | 'Enum'
  | 'Array'
  | 'Union'
  | 'Record'
  | 'Object'
  | 'Optional'
>;
