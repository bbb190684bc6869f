import { expect } from 'chai';
import fc from 'fast-check';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';

const parse = (input: unknown) => parseSearchRequest(input, { marketplace: 'EBAY_US' });
const codes = (input: unknown) => {
  const result = parse(input);
  return result.ok ? [] : [...new Set(result.errors.map(({ code }) => code))];
};

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = { a: value };
  return value;
}

describe('hostile input in place of a search request', () => {
  for (const input of [null, undefined, [], 'text', 5, true, [{ query: 'x' }]]) {
    it(`${JSON.stringify(input)} is refused as no request`, () => {
      expect(codes(input)).to.deep.equal(['invalid_payload']);
    });
  }

  it('may not have keys that reach a prototype, at any depth', () => {
    const result = parse(
      JSON.parse('{"query":"x","__proto__":{"a":1},"filters":{"constructor":{"prototype":{"b":1}}}}'),
    );
    expect(result.ok ? [] : result.errors.map(({ path, code }) => `${path} ${code}`)).to.deep.equal([
      '__proto__ forbidden_key',
      'filters.constructor forbidden_key',
    ]);
    expect(Object.prototype).to.not.have.property('b');
  });

  it('may not nest deeper than 32 levels', () => {
    expect(codes({ query: 'x', filters: nested(40) })).to.deep.equal(['too_deep']);
    expect(codes({ query: 'x', filters: nested(100_000) })).to.deep.equal(['too_deep']);
    expect(codes(nested(10))).to.not.include('too_deep');
  });

  it('may not hold more values than any request needs, a circular one included', () => {
    expect(codes({ query: 'x', title: { include: Array(1e6).fill('a') } })).to.deep.equal(['too_large']);
    const wide: Record<string, unknown> = {};
    wide.a = [wide, wide];
    expect(codes(wide)).to.include('too_large');
  });

  it('may not hold NUL, other control characters or half of a surrogate pair', () => {
    for (const query of ['a\0b', 'a\u001bb', 'a\ud800b', 'a\udc00']) {
      expect(codes({ query })).to.deep.equal(['invalid_text']);
    }
    expect(codes({ query: 'x', filters: { aspects: { 'a\0': ['x'] } } })).to.deep.equal(['invalid_text']);
  });

  it('may be as long as it likes: no field takes more than linear time over its text', () => {
    const long = '0'.repeat(5_000_000);
    const input = {
      query: `${' '.repeat(5_000_000)}*`,
      filters: { price: { min: `1.${long}x`, currency: long }, sellers: [long] },
      tenant: long,
      [long]: long,
    };
    const result = parse(input);
    expect(result.ok ? [] : result.errors).to.have.length(6);
    expect(JSON.stringify(result)).to.have.length.below(3000);
  });

  it('is shown without half of a character', () => {
    for (let before = 50; before < 64; before += 1) {
      const text = `${'x'.repeat(before)}\u{20630}\u{20630}\u{20630}`;
      for (const input of [text, { [text]: 1 }]) {
        const result = parse(input);
        for (const { message } of result.ok ? [] : result.errors) expect(message).not.to.match(/\p{Cs}/u);
      }
    }
  });

  it('never makes the reader throw, whatever the JSON', () => {
    const key = fc.constantFrom(
      'query',
      'filters',
      'price',
      'min',
      'aspects',
      'marketplaces',
      'title',
      'include',
      '__proto__',
    );
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.jsonValue(),
        fc.string({ unit: 'binary' }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, (input) => {
        const result = parse(input);
        if (result.ok) return;
        expect(result.errors).to.not.have.length(0);
        for (const { message } of result.errors) expect(message).to.not.match(/\p{Cc}|\p{Cs}/u);
      }),
      { numRuns: 300 },
    );
  });
});
