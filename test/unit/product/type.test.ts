import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import TypeBox from 'typebox';
import { Type } from '../../../src/product/type.ts';

/** A schema of everything, by either set of builders. */
function schemaOf({ Object: object, ...type }: Pick<typeof TypeBox, keyof typeof Type>) {
  return object(
    {
      text: type.Optional(type.String({ minLength: 1 })),
      either: type.Union([type.Null(), type.Literal(1), type.Literal('x')], { description: 'd' }),
      list: type.Array(type.Enum(['a', 'b']), { minItems: 1 }),
      counts: type.Record(type.String(), type.Integer({ minimum: 0 }), { description: 'c' }),
      named: type.Record(type.String({ pattern: '^[a-z]+$' }), type.Boolean()),
      number: type.Optional(type.Number()),
      empty: object({}),
    },
    { additionalProperties: false },
  );
}

describe('the light builders of schemas', () => {
  it('make what TypeBox makes, marks included', () => {
    const [own, theirs] = [schemaOf(Type), schemaOf(TypeBox)];
    expect(JSON.stringify(own)).to.equal(JSON.stringify(theirs));
    const marks = ({ properties, ...rest }: typeof own) =>
      [rest, ...Object.values(properties)].map((schema) => Object.getOwnPropertyNames(schema).sort());
    expect(marks(own)).to.deep.equal(marks(theirs));
    expect(JSON.stringify(TypeBox.Partial(own))).to.equal(JSON.stringify(TypeBox.Partial(theirs)));
  });

  it('are all that the service loads of TypeBox', () => {
    const folder = fileURLToPath(new URL('../../../src', import.meta.url));
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const users = sources.map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
    expect(users.filter(({ text }) => /from 'typebox['/]/.test(text))).to.not.deep.equal([]);
    const loading = users.filter(({ text }) => /^import (?!type )[^;]*from 'typebox['/]/m.test(text));
    expect(loading.map(({ name }) => name)).to.deep.equal([]);
  });
});
