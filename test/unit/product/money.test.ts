import { expect } from 'chai';
import fc from 'fast-check';
import { add, compare, isZero, type Money, money } from '../../../src/product/money.ts';

const amountIn = (currency: string, decimals: number) =>
  fc.tuple(fc.bigInt(0n, 10n ** 12n), fc.constant(decimals)).map(([units]): Money => {
    const digits = units.toString().padStart(decimals + 1, '0');
    const value = decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
    return { value, currency };
  });
const currency = fc.constantFrom<[string, number]>(['USD', 2], ['JPY', 0], ['KWD', 3]);
const pair = currency.chain(([code, decimals]) =>
  fc.tuple(amountIn(code, decimals), amountIn(code, decimals)),
);
const units = ({ value }: Money) => BigInt(value.replace('.', ''));

describe('money', () => {
  it("is written with its currency's decimals", () => {
    expect(money('12.5', 'USD')).to.deep.equal({ value: '12.50', currency: 'USD' });
    expect(money('1200.00', 'JPY')).to.deep.equal({ value: '1200', currency: 'JPY' });
    expect(money('1.5', 'KWD')).to.deep.equal({ value: '1.500', currency: 'KWD' });
    expect(money('007', 'EUR')).to.deep.equal({ value: '7.00', currency: 'EUR' });
  });

  for (const value of [
    'NaN',
    '',
    '-1',
    '1e3',
    '1,200.00',
    '.5',
    '5.',
    ' 1',
    '1.005',
    '9'.repeat(16),
    12,
    null,
    undefined,
    {},
  ]) {
    it(`refuses ${JSON.stringify(value)} as an amount`, () => {
      expect(money(value, 'USD')).to.equal(null);
    });
  }

  for (const code of ['usd', 'US', 'USDX', '', null, 840]) {
    it(`refuses ${JSON.stringify(code)} as a currency`, () => {
      expect(money('1.00', code)).to.equal(null);
    });
  }

  it('adds exactly, to the last minor unit', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const both = add(a, b);
        expect(both && units(both)).to.equal(units(a) + units(b));
      }),
    );
    expect(add({ value: '0.10', currency: 'USD' }, { value: '0.20', currency: 'USD' })?.value).to.equal(
      '0.30',
    );
  });

  it('reads what it wrote as the same amount', () => {
    fc.assert(
      fc.property(pair, ([a]) => {
        expect(money(a.value, a.currency)).to.deep.equal(a);
      }),
    );
  });

  it('compares as the minor units do', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const difference = units(a) - units(b);
        expect(Math.sign(compare(a, b) ?? Number.NaN)).to.equal(
          difference < 0n ? -1 : difference > 0n ? 1 : 0,
        );
      }),
    );
  });

  it('never adds or compares amounts in different currencies', () => {
    const [dollars, euros] = [money('1.00', 'USD'), money('1.00', 'EUR')] as [Money, Money];
    expect(add(dollars, euros)).to.equal(null);
    expect(compare(dollars, euros)).to.equal(null);
  });

  it('knows a zero in every currency', () => {
    expect(isZero({ value: '0.00', currency: 'USD' })).to.equal(true);
    expect(isZero({ value: '0', currency: 'JPY' })).to.equal(true);
    expect(isZero({ value: '0.01', currency: 'USD' })).to.equal(false);
  });
});
