import { expect } from 'chai';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import type { Costs, Landed, Margin } from '../../../src/product/costs.ts';
import { csvWriter } from '../../../src/product/csv.ts';
import { byCosts, landedOf, marginTest, withinCosts, withLanded } from '../../../src/product/landed.ts';
import { parseSearchRequest, requestHash } from '../../../src/product/parseRequest.ts';
import type { Product } from '../../../src/product/product.ts';
import { trackFingerprint } from '../../../src/product/track.ts';
import { type Random, randomFrom } from '../../../src/simulator/random.ts';
import { productOf, request } from '../collector/listing.ts';

type Priced = Pick<Product, 'price' | 'shipping'>;

const offer = (price: string | null, shipping: string | null, currency = 'USD', sent = currency): Priced => ({
  price: price === null ? null : { value: price, currency },
  shipping:
    shipping === null
      ? { kind: 'calculated', cost: null }
      : { kind: 'fixed', cost: { value: shipping, currency: sent } },
});

/** The costs as a request has them, which must be valid. */
function costsOf(written: object): Costs {
  const { costs } = request({ marketplaces: ['EBAY_DE'], costs: { currency: 'EUR', ...written } });
  return costs as Costs;
}

const DECIMALS: Readonly<Record<string, number>> = { JPY: 0, KWD: 3 };
const decimalsOf = (currency: string) => DECIMALS[currency] ?? 2;

/** The same computed once more, by decimal arithmetic: the formula of the documentation, and nothing of the code. */
function expected({ price, shipping }: Priced, costs: Costs): { landed: Landed; margin?: Margin } {
  const Exact = Decimal.clone({ precision: 80 });
  const { currency } = costs;
  const places = decimalsOf(currency);
  const rounded = (value: Decimal, to = places) => value.toDecimalPlaces(to, Exact.ROUND_HALF_UP);
  const missing: string[] = [];
  const converted = (money: Product['price']): Decimal | null => {
    if (money === null) return null;
    if (money.currency === currency) return new Exact(money.value);
    const rate = costs.exchangeRates?.[money.currency];
    if (rate !== undefined) return rounded(new Exact(money.value).times(rate));
    if (!missing.includes(money.currency)) missing.push(money.currency);
    return null;
  };
  const share = (base: Decimal | null, percent = '0') => base && rounded(base.times(percent).div(100));
  const sum = (...all: Array<Decimal | null>) =>
    all.reduce((total, each) => (total === null || each === null ? null : total.plus(each)), new Exact(0));
  const shown = (value: Decimal | null) => (value === null ? null : value.toFixed(places));

  const item = converted(price);
  const sent = converted(shipping.cost);
  const duty = costs.dutyPercent === undefined ? new Exact(0) : share(sum(item, sent), costs.dutyPercent);
  const tax =
    costs.importTaxPercent === undefined
      ? new Exact(0)
      : share(sum(item, sent, duty), costs.importTaxPercent);
  const handling = new Exact(costs.handling ?? 0);
  const cost = sum(item, sent, duty, tax, handling);
  const parts = {
    item: shown(item),
    shipping: shown(sent),
    ...(costs.dutyPercent !== undefined && { duty: shown(duty) }),
    ...(costs.importTaxPercent !== undefined && { importTax: shown(tax) }),
    ...(costs.handling !== undefined && { handling: handling.toFixed(places) }),
  };
  const unknown = Object.entries(parts).flatMap(([name, value]) => (value === null ? [name] : []));
  const landed = { cost: shown(cost), currency, parts, unknown } as Landed;
  if (missing.length > 0) landed.missingRates = missing;
  if (costs.resalePrice === undefined && costs.markupPercent === undefined) return { landed };
  if (cost === null) return { landed, margin: null };

  const asked =
    costs.resalePrice === undefined
      ? cost.plus(share(cost, costs.markupPercent) as Decimal)
      : new Exact(costs.resalePrice);
  const rate = new Exact(costs.resaleTax?.percent ?? 0);
  const onTop = costs.resaleTax?.onTop === true;
  const saleTax = rounded(onTop ? asked.times(rate).div(100) : asked.times(rate).div(rate.plus(100)));
  const resale = onTop ? asked.plus(saleTax) : asked;
  const fee = ({ percent = '0', fixed = '0' } = {}) => rounded(resale.times(percent).div(100)).plus(fixed);
  const fees = [fee(costs.marketplaceFee), fee(costs.paymentFee)] as const;
  const net = resale.minus(saleTax);
  const amount = net.minus(fees[0]).minus(fees[1]).minus(cost);
  return {
    landed,
    margin: {
      amount: amount.toFixed(places).replace(/^-(?=[0.]*$)/, ''),
      percent: net.isZero() ? null : rounded(amount.times(100).div(net), 2).toNumber() + 0,
      resale: resale.toFixed(places),
      tax: saleTax.toFixed(places),
      marketplaceFee: fees[0].toFixed(places),
      paymentFee: fees[1].toFixed(places),
    },
  };
}

const CURRENCIES = ['EUR', 'USD', 'GBP', 'JPY', 'KWD'];

/** Costs and an offer: often with parts missing, in five currencies of 0, 2 and 3 decimals. */
function anyCase(random: Random): { product: Priced; costs: Costs } {
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
  const maybe = <T>(share: number, make: () => T) => (random() < share ? make() : undefined);
  const decimal = (highest: number, places: number) => (random() ** 3 * highest).toFixed(places);
  const currency = pick(CURRENCIES);
  const amount = (highest = 500) => decimal(highest, decimalsOf(currency));
  const percent = (highest = 30) => decimal(highest, pick([0, 1, 2, 4]));
  const named = CURRENCIES.filter((each) => each !== currency && random() < 0.8);
  const rates = named.map((each) => [each, (random() * 3 + 0.01).toFixed(pick([2, 4, 8]))]);
  const fee = () => ({ percent: maybe(0.8, percent), fixed: maybe(0.6, () => amount(2)) });
  const resalePrice = maybe(0.6, () => amount(900));
  const written = {
    currency,
    exchangeRates: maybe(0.9, () => Object.fromEntries(rates)),
    dutyPercent: maybe(0.5, percent),
    importTaxPercent: maybe(0.5, percent),
    handling: maybe(0.5, () => amount(10)),
    resalePrice: resalePrice !== undefined && Number(resalePrice) > 0 ? resalePrice : undefined,
    markupPercent: resalePrice === undefined ? maybe(0.7, () => percent(200)) : undefined,
    resaleTax: maybe(0.6, () => ({ percent: percent(), onTop: maybe(0.4, () => true) })),
    marketplaceFee: maybe(0.7, fee),
    paymentFee: maybe(0.7, fee),
  };
  const [shop, carrier] = [pick(CURRENCIES), pick(CURRENCIES)];
  const price = maybe(0.9, () => decimal(1000, decimalsOf(shop))) ?? null;
  const sent = random() < 0.8 ? shop : carrier;
  const shipping = maybe(0.85, () => decimal(60, decimalsOf(sent))) ?? null;
  return { product: offer(price, shipping, shop, sent), costs: costsOf(written) };
}

describe('landed cost and margin', () => {
  it('are what decimal arithmetic gives for the documented formula, in 1,000 cases', () => {
    const random = randomFrom(20_261_128);
    const seen = { known: 0, unknown: 0, losses: 0, missingRates: 0 };
    for (let each = 0; each < 1000; each += 1) {
      const { product, costs } = anyCase(random);
      const result = landedOf(product, costs);
      expect(result, JSON.stringify({ product, costs })).to.deep.equal(expected(product, costs));
      seen[result.landed.cost === null ? 'unknown' : 'known'] += 1;
      if (result.margin?.amount.startsWith('-')) seen.losses += 1;
      if (result.landed.missingRates !== undefined) seen.missingRates += 1;
    }
    // Each kind is there often enough to be a test.
    for (const [kind, count] of Object.entries(seen)) expect(count, kind).to.be.at.least(100);
  });

  it('are those of the worked example in the documentation', () => {
    const costs = costsOf({
      exchangeRates: { USD: '0.92' },
      dutyPercent: 4.7,
      importTaxPercent: 19,
      handling: '1.50',
      resalePrice: '59.90',
      resaleTax: { percent: 19 },
      marketplaceFee: { percent: '13.25', fixed: '0.35' },
      paymentFee: { percent: 2.9 },
    });
    expect(landedOf(offer('20.00', '5.00'), costs)).to.deep.equal({
      landed: {
        cost: '30.16',
        currency: 'EUR',
        parts: { item: '18.40', shipping: '4.60', duty: '1.08', importTax: '4.58', handling: '1.50' },
        unknown: [],
      },
      margin: {
        amount: '10.15',
        percent: 20.16,
        resale: '59.90',
        tax: '9.56',
        marketplaceFee: '8.29',
        paymentFee: '1.74',
      },
    });
  });

  it('name an unknown part, which is never 0, and what is made of it is unknown too', () => {
    const costs = costsOf({ dutyPercent: 5, handling: 2, resalePrice: 50 });
    const { landed, margin } = landedOf(offer('20.00', null, 'EUR'), costs);
    expect(landed).to.deep.equal({
      cost: null,
      currency: 'EUR',
      parts: { item: '20.00', shipping: null, duty: null, handling: '2.00' },
      unknown: ['shipping', 'duty'],
    });
    expect(margin).to.equal(null);
  });

  it('are unknown where a currency has no rate, which is named', () => {
    const { landed } = landedOf(offer('20.00', '1.00', 'USD', 'GBP'), costsOf({ exchangeRates: { USD: 1 } }));
    expect([landed.cost, landed.unknown, landed.missingRates]).to.deep.equal([null, ['shipping'], ['GBP']]);
    expect(landed.parts.item).to.equal('20.00');
  });

  it('show a loss below zero, and no margin without a price to sell for', () => {
    const sold = costsOf({ resalePrice: 10 });
    expect(landedOf(offer('12.50', '0.00', 'EUR'), sold).margin).to.include({
      amount: '-2.50',
      percent: -25,
    });
    expect(landedOf(offer('12.50', '0.00', 'EUR'), costsOf({}))).to.not.have.property('margin');
  });

  const money = fc.option(
    fc.record({
      value: fc.nat(100_000_000).map((units) => (units / 100).toFixed(2)),
      currency: fc.constantFrom('EUR', 'USD', 'GBP'),
    }),
  );
  const figure = fc.nat(3000).map((hundredths) => (hundredths / 100).toFixed(2));
  const anyCosts = fc
    .record(
      {
        exchangeRates: fc.dictionary(
          fc.constantFrom('USD', 'GBP'),
          figure.filter((rate) => Number(rate) > 0),
        ),
        dutyPercent: figure,
        importTaxPercent: figure,
        handling: figure,
        resalePrice: figure.filter((price) => Number(price) > 0),
        resaleTax: fc.record({ percent: figure, onTop: fc.boolean() }),
        marketplaceFee: fc.record({ percent: figure, fixed: figure }),
        paymentFee: fc.record({ percent: figure, fixed: figure }),
      },
      { requiredKeys: [] },
    )
    .map(costsOf);
  const anyOffer = fc
    .record({ price: money, cost: money })
    .map(({ price, cost }): Priced => ({ price, shipping: { kind: cost ? 'fixed' : 'unknown', cost } }));
  const cents = (amount: string) => BigInt(amount.replace('.', ''));

  it('keep what is unknown unknown: no currency is mixed without its rate', () => {
    fc.assert(
      fc.property(anyOffer, anyCosts, ({ price, shipping }, costs) => {
        const { landed, margin } = landedOf({ price, shipping }, costs);
        const isKnown = (amount: Product['price']) =>
          amount !== null &&
          (amount.currency === 'EUR' || costs.exchangeRates?.[amount.currency] !== undefined);
        expect(landed.parts.item !== null).to.equal(isKnown(price));
        expect(landed.parts.shipping !== null).to.equal(isKnown(shipping.cost));
        const isWhole = isKnown(price) && isKnown(shipping.cost);
        expect(landed.cost !== null).to.equal(isWhole);
        expect(landed.unknown.length === 0).to.equal(isWhole);
        if (costs.resalePrice !== undefined) expect(margin !== null).to.equal(isWhole);
      }),
      { seed: 18 },
    );
  });

  it('add up: the parts are the cost, and the margin is resale less taxes, fees and cost, to the cent', () => {
    fc.assert(
      fc.property(anyOffer, anyCosts, (product, costs) => {
        const { landed, margin } = landedOf(product, costs);
        if (landed.cost === null) return;
        const parts = Object.values(landed.parts).map((each) => cents(each as string));
        expect(parts.reduce((sum, each) => sum + each, 0n)).to.equal(cents(landed.cost));
        if (!margin) return;
        const { amount, resale, tax, marketplaceFee, paymentFee } = margin;
        const spent = [tax, marketplaceFee, paymentFee, landed.cost].map(cents);
        expect(spent.reduce((left, each) => left - each, cents(resale))).to.equal(cents(amount));
      }),
      { seed: 18 },
    );
  });

  it('survive the largest amounts and rates that anybody can write', () => {
    const costs = costsOf({
      exchangeRates: { USD: 999_999_999 },
      dutyPercent: 1000,
      importTaxPercent: 1000,
      resalePrice: '0.01',
      minMarginAmount: '0.01',
    });
    const product = withLanded(
      { ...productOf(), ...offer('999999999999999.99', '999999999999999.99') },
      costs,
    );
    expect(product.landed?.cost).to.match(/^\d{20,}\.\d\d$/);
    expect(product.margin?.amount).to.match(/^-\d{20,}\.\d\d$/);
    expect(byCosts('marginPercent')(product, product)).to.equal(0);
    expect(marginTest(costs)?.(product)).to.equal('margin');
    expect(withinCosts({ minMarginPercent: '-5' })(product)).to.equal(false);
  });
});

describe('a least margin', () => {
  const costs = (more: object) => costsOf({ resalePrice: 50, ...more });

  it('is compared with the margin as it is shown, and an unknown one does not pass', () => {
    const test = (more: object) => marginTest(costs(more));
    const leaves = (cost: string) => offer(cost, '0.00', 'EUR');
    expect(test({})).to.equal(undefined);
    expect(test({ minMarginPercent: 20 })?.(leaves('40.00'))).to.equal(null);
    expect(test({ minMarginPercent: '20.01' })?.(leaves('40.00'))).to.equal('margin');
    expect(test({ minMarginAmount: 10 })?.(leaves('40.00'))).to.equal(null);
    expect(test({ minMarginAmount: 10 })?.(leaves('40.01'))).to.equal('margin');
    expect(test({ minMarginAmount: 1, minMarginPercent: 50 })?.(leaves('40.00'))).to.equal('margin');
    expect(test({ minMarginPercent: 20 })?.(offer('1.00', null, 'EUR'))).to.equal('margin-unknown');
    expect(test({ minMarginPercent: 0 })?.(offer('1.00', '0.00', 'USD'))).to.equal('margin-unknown');
  });

  it('belongs to the track and to the hash; other costs belong to the hash alone', () => {
    const plain = request();
    const withCosts = request({ costs: { currency: 'USD', resalePrice: 50 } });
    const least = request({ costs: { currency: 'USD', resalePrice: 50, minMarginPercent: 20 } });
    expect(new Set([plain, withCosts, least].map((each) => requestHash(each))).size).to.equal(3);
    expect(trackFingerprint(withCosts)).to.equal(trackFingerprint(plain));
    expect(trackFingerprint(least)).to.not.equal(trackFingerprint(plain));
  });
});

describe('costs in a request', () => {
  it('mean the same however a figure is written', () => {
    const hashOf = (costs: object) => requestHash(request({ costs: { currency: 'USD', ...costs } }));
    expect(hashOf({ resalePrice: '10.50', dutyPercent: 0.5, exchangeRates: { EUR: '1.10' } })).to.equal(
      hashOf({ resalePrice: 10.5, dutyPercent: '0.50', exchangeRates: { EUR: 1.1 } }),
    );
    expect(hashOf({ resaleTax: { percent: 19, onTop: false } })).to.equal(
      hashOf({ resaleTax: { percent: '19' } }),
    );
    expect(hashOf({ resaleTax: { percent: 19, onTop: true } })).to.not.equal(
      hashOf({ resaleTax: { percent: 19 } }),
    );
  });

  it('are those of the tenant where a request has none, as a whole', () => {
    const defaults = { marketplace: 'EBAY_US', costs: { currency: 'EUR', handling: 2 } };
    const costsWith = (input: object) => {
      const parsed = parseSearchRequest({ query: 'x', ...input }, defaults);
      return parsed.ok ? parsed.request.costs : parsed.errors;
    };
    expect(costsWith({})).to.deep.equal({ currency: 'EUR', handling: '2' });
    expect(costsWith({ costs: { currency: 'USD' } })).to.deep.equal({ currency: 'USD' });
    const none = parseSearchRequest({ query: 'x' }, { marketplace: 'EBAY_US', costs: '' });
    expect(none.ok && none.request).to.not.have.property('costs');
  });

  it('may ask for as much as any product can leave, after fees and taxes', () => {
    const refused = (costs: object) =>
      !parseSearchRequest({ query: 'x', costs: { currency: 'USD', ...costs } }, { marketplace: 'EBAY_US' })
        .ok;
    for (const [figures, least] of [
      [{ markupPercent: 50 }, 33.33],
      [{ markupPercent: 200, paymentFee: { fixed: 0.3 } }, 66.67],
      [{ resalePrice: 30, handling: 3 }, 90],
      // 20 % of a resale of 119, of which 100 are the caller's.
      [{ resalePrice: 119, resaleTax: { percent: 19 }, marketplaceFee: { percent: 20 } }, 76.2],
    ] as const) {
      expect(refused({ ...figures, minMarginPercent: least }), JSON.stringify(figures)).to.equal(false);
      expect(refused({ ...figures, minMarginPercent: least + 0.01 }), JSON.stringify(figures)).to.equal(true);
    }
    expect(refused({ resalePrice: 30, paymentFee: { fixed: 1 }, minMarginAmount: 29 })).to.equal(false);
    expect(refused({ resalePrice: 30, paymentFee: { fixed: 1 }, minMarginAmount: '29.01' })).to.equal(true);
  });

  it('say whose they are where something is wrong with them', () => {
    const costs = { currency: 'USD', resalePrice: 30, minMarginPercent: 20 };
    const messageOf = (input: object) => {
      const parsed = parseSearchRequest({ query: 'x', ...input }, { marketplace: 'EBAY_US', costs });
      return parsed.ok ? undefined : parsed.errors[0]?.message;
    };
    expect(messageOf({ marketplaces: ['EBAY_DE'] })).to.match(/needs EUR.*; the request has no costs/);
    expect(messageOf({ costs: { currency: 'USD', minMarginPercent: 20 } })).to.match(
      /needs costs.resalePrice.*; costs of a request replace those of the tenant as a whole/,
    );
    expect(messageOf({ costs: { currency: 'USD', handling: -1 } })).to.not.include('tenant');
    expect(messageOf({})).to.equal(undefined);
  });

  const wrong: Array<[costs: unknown, path: string, code: string]> = [
    [{}, 'costs.currency', 'required'],
    [{ currency: 'euro' }, 'costs.currency', 'invalid_currency'],
    [{ currency: 'EUR', handling: -1 }, 'costs.handling', 'price_range'],
    [{ currency: 'EUR', handling: '1e3' }, 'costs.handling', 'price_range'],
    [{ currency: 'JPY', handling: '0.5' }, 'costs.handling', 'amount_precision'],
    [
      { currency: 'EUR', marketplaceFee: { fixed: '0.305' } },
      'costs.marketplaceFee.fixed',
      'amount_precision',
    ],
    [{ currency: 'EUR', dutyPercent: 1001 }, 'costs.dutyPercent', 'percent_range'],
    [{ currency: 'EUR', paymentFee: { percent: Number.NaN } }, 'costs.paymentFee.percent', 'percent_range'],
    [{ currency: 'EUR', exchangeRates: { USD: 0 } }, 'costs.exchangeRates.USD', 'exchange_rate'],
    [{ currency: 'EUR', exchangeRates: { usd: 1 } }, 'costs.exchangeRates.usd', 'exchange_rate'],
    [{ currency: 'EUR', exchangeRates: { EUR: 2 } }, 'costs.exchangeRates.EUR', 'exchange_rate'],
    [{ currency: 'EUR', resalePrice: 0 }, 'costs.resalePrice', 'price_range'],
    [{ currency: 'EUR', resalePrice: 5, markupPercent: 5 }, 'costs.markupPercent', 'resale_conflict'],
    [{ currency: 'USD', minMarginPercent: 5 }, 'costs.minMarginPercent', 'resale_required'],
    [{ currency: 'EUR', resalePrice: 5, minMarginAmount: 1 }, 'costs.exchangeRates', 'exchange_rate'],
    [{ currency: 'USD', resalePrice: 5, minMarginPercent: 150 }, 'costs.minMarginPercent', 'margin_range'],
    [{ currency: 'USD', markupPercent: 50, minMarginPercent: 40 }, 'costs.minMarginPercent', 'margin_range'],
    [{ currency: 'USD', resalePrice: 30, minMarginAmount: 50 }, 'costs.minMarginAmount', 'margin_range'],
    [{ currency: 'EUR', fees: 5 }, 'costs.fees', 'unknown_field'],
    ['EUR', 'costs', 'invalid_value'],
  ];
  for (const [costs, path, code] of wrong)
    it(`are refused with the field's name: ${JSON.stringify(costs)}`, () => {
      const parsed = parseSearchRequest({ query: 'x', costs }, { marketplace: 'EBAY_US' });
      expect(parsed.ok ? [] : parsed.errors.map((each) => [each.path, each.code])).to.deep.equal([
        [path, code],
      ]);
    });
});

describe('products with costs', () => {
  const selling = (price: string | null, shipping: string | null = '0.00') =>
    withLanded({ ...productOf(), ...offer(price, shipping) }, costsOf({ currency: 'USD', resalePrice: 20 }));
  const products = [
    selling('9.00'),
    selling(null),
    selling('100.00'),
    selling('10.00'),
    selling('5.00', null),
  ];
  const prices = (sorted: Product[]) => sorted.map(({ price, shipping }) => shipping.cost && price?.value);

  it('are sorted by a figure, the unknown ones last either way', () => {
    expect(prices(products.toSorted(byCosts('landed')))).to.deep.equal([
      '9.00',
      '10.00',
      '100.00',
      undefined,
      null,
    ]);
    expect(prices(products.toSorted(byCosts('margin', { falling: true })))).to.deep.equal([
      '9.00',
      '10.00',
      '100.00',
      undefined,
      null,
    ]);
    expect(prices(products.toSorted(byCosts('marginPercent')))).to.deep.equal([
      '100.00',
      '10.00',
      '9.00',
      undefined,
      null,
    ]);
  });

  it('are CSV cells that are numbers, a loss included, and an unknown amount is empty', () => {
    const { line } = csvWriter([
      'landedCost',
      'landedCurrency',
      'marginAmount',
      'marginPercent',
      'landedUnknown',
    ]);
    expect(products.slice(0, 3).map(line)).to.deep.equal([
      '9.00,USD,11.00,55,',
      ',USD,,,item',
      '100.00,USD,-80.00,-400,',
    ]);
  });
});
