import { expect } from 'chai';
import fc from 'fast-check';
import { add, type Money } from '../../../src/product/money.ts';
import { type NormalRequest, SearchRequestSchema } from '../../../src/product/requestSchema.ts';
import {
  type Coverage,
  compareWithTrack,
  isAllKnownBehind,
  listingOf,
  MEANING,
  MORE_MEANING,
  newsAmong,
  type Observation,
  priceCurrencyOf,
  sawWhole,
  type Track,
  type TrackedProduct,
  trackFingerprint,
} from '../../../src/product/track.ts';
import { productOf } from '../collector/listing.ts';

const EMPTY: Track = { since: null, lastWhole: null, rememberedFrom: 0, listings: new Map() };
const T0 = Date.UTC(2026, 0, 1);
const at = (minute: number) => new Date(T0 + minute * 60_000).toISOString();

const usd = (value: string): Money => ({ value, currency: 'USD' });

/** A product with a price and 5.00 of shipping in the same currency; a price of null is unknown. */
function product(
  itemId: string,
  price: Money | null,
  { shipping = price && { ...price, value: '5.00' }, ...change }: Change = {},
): TrackedProduct {
  const cost = shipping as Money | null;
  return {
    itemId,
    marketplace: 'EBAY_US',
    price,
    converted: null,
    shipping: { kind: cost === null ? 'unknown' : 'fixed', cost },
    total: price && cost && add(price, cost),
    listedAt: null,
    observedAt: at(0),
    ...change,
  };
}
type Change = Partial<Omit<TrackedProduct, 'shipping'>> & { shipping?: Money | null };

/** As eBay shows a listing in euros to a buyer in the United States. */
function converted(itemId: string, euros: [price: string, shipping: string], rate: number): TrackedProduct {
  const shown = (value: string) => usd((Number(value) * rate).toFixed(2));
  const eur = (value: string): Money => ({ value, currency: 'EUR' });
  const [price, shipping] = euros;
  return {
    ...product(itemId, shown(price), { shipping: shown(shipping) }),
    converted: eur(price),
    shipping: { kind: 'fixed', cost: shown(shipping), converted: eur(shipping) },
  };
}

/** A look at the whole listing at a minute. */
function look(
  minute: number,
  products: readonly TrackedProduct[],
  change: Partial<Observation> = {},
): Observation {
  const seen = products.map((each) => ({ ...each, observedAt: at(minute) }));
  const listed = new Set(seen.map(({ itemId }) => itemId));
  return { products: seen, listed, began: T0 + minute * 60_000, complete: true, whole: true, ...change };
}

/** A look at a part of the listing. */
const part = (minute: number, products: readonly TrackedProduct[], change: Partial<Observation> = {}) =>
  look(minute, products, { whole: false, ...change });

/** The track after a look, as Redis would hold it. */
function learn(track: Track, observation: Observation): Track {
  const { after } = compareWithTrack(track, observation);
  return { ...track, ...after, listings: new Map([...track.listings, ...after.listings]) };
}

/** The track after several looks, the first of them at minute 0. */
function trackAfter(...looks: Array<readonly TrackedProduct[]>): Track {
  return looks.reduce((track, products, minute) => learn(track, look(minute, products)), EMPTY);
}

function verdictOf(track: Track, observation: Observation) {
  const { marks, gone } = compareWithTrack(track, observation).verdict;
  return { marks: Object.fromEntries(marks), gone };
}

function markOf(track: Track, seen: TrackedProduct) {
  return verdictOf(track, part(9, [seen])).marks[seen.itemId];
}

describe('what a track says of a search', () => {
  const known = trackAfter([product('a', usd('10.00')), product('b', usd('20.00')), product('c', null)]);

  it('is nothing the first time, not that all is new', () => {
    expect(verdictOf(EMPTY, look(0, [product('a', usd('10.00'))]))).to.deep.equal({
      marks: { a: null },
      gone: [],
    });
  });

  it('is nothing either until one search was complete: what a partial one missed is not new', () => {
    const partly = learn(EMPTY, part(0, [product('a', usd('1.00'))], { complete: false }));
    const marks = { a: null, b: null };
    expect(verdictOf(partly, look(1, [product('a', usd('9.00')), product('b', null)])).marks).to.deep.equal(
      marks,
    );
  });

  it('is new, price-dropped, price-rose, same and gone', () => {
    const observation = look(1, [product('a', usd('9.00')), product('c', null), product('d', usd('1.00'))]);
    expect(verdictOf(known, observation)).to.deep.equal({
      marks: { a: 'price-dropped', c: 'same', d: 'new' },
      gone: ['b'],
    });
    expect(markOf(known, product('b', usd('21.00')))).to.equal('price-rose');
  });

  it('is all new after a first search that was complete and found nothing', () => {
    expect(verdictOf(trackAfter([]), look(1, [product('a', usd('1.00'))])).marks).to.deep.equal({ a: 'new' });
  });

  it('compares with the last known price when one was unknown in between', () => {
    const track = learn(known, look(1, [product('a', null), product('b', usd('20.00')), product('c', null)]));
    expect(markOf(track, product('a', usd('9.00')))).to.equal('price-dropped');
    expect(markOf(track, product('c', usd('9.00')))).to.equal('same');
  });

  it('lists as gone once, and takes what comes back for known', () => {
    const rest = [product('a', usd('10.00')), product('c', null)];
    const without = learn(known, look(1, rest));
    expect(verdictOf(without, look(2, rest)).gone).to.deep.equal([]);
    expect(verdictOf(without, look(2, [product('b', usd('20.00'))])).marks).to.deep.equal({ b: 'same' });
  });

  it('lists nothing as gone after a search that did not see the whole listing, and all of it after the next', () => {
    const rest = [product('a', usd('10.00'))];
    const partial = part(1, rest, { complete: false });
    expect(verdictOf(known, partial).gone).to.deep.equal([]);
    expect(verdictOf(learn(known, partial), look(2, rest)).gone).to.have.members(['b', 'c']);
  });

  it('does not list as gone what is listed but not delivered', () => {
    const observation = look(1, [product('a', usd('10.00'))], { listed: new Set(['a', 'b', 'c']) });
    expect(verdictOf(known, observation).gone).to.deep.equal([]);
  });

  it('leaves alone what another search saw later than this one', () => {
    const later = learn(
      known,
      look(5, [product('a', usd('5.00')), product('b', usd('20.00')), product('c', null)]),
    );
    const { verdict, after } = compareWithTrack(later, look(1, [product('a', usd('10.00'))]));
    expect(Object.fromEntries(verdict.marks)).to.deep.equal({ a: 'same' });
    expect(verdict.gone).to.deep.equal([]);
    expect(after.listings.size).to.equal(0);
    expect(after.lastWhole).to.equal(later.lastWhole);
  });
});

describe('a new listing of a track', () => {
  const some = part(0, [product('a', usd('1.00'))]);
  const track = learn(EMPTY, some);

  it('is one that began after the first search, where only a part of the listing is looked at', () => {
    expect(markOf(track, product('b', usd('1.00'), { listedAt: at(1) }))).to.equal('new');
    expect(markOf(track, product('b', usd('1.00'), { listedAt: at(-1) }))).to.equal(null);
    expect(markOf(track, product('b', usd('1.00')))).to.equal(null);
  });

  it('is not one that moved into the part that is looked at, nor is it new the next time', () => {
    const moved = product('b', usd('1.00'), { listedAt: at(-1) });
    expect(markOf(learn(track, part(1, [moved])), moved)).to.equal('same');
  });

  it('is marked once, however many of its variations are shown', () => {
    const variations = ['v1|7|1', 'v1|7|2'].map((id) => product(id, usd('1.00'), { listedAt: at(1) }));
    expect(verdictOf(track, part(2, variations)).marks).to.deep.equal({ 'v1|7|1': 'new', 'v1|7|2': 'same' });
  });

  it('is not one that was on the pages before and left out, unless it began since', () => {
    const seen = learn(EMPTY, look(0, [], { listed: new Set(['a']) }));
    expect(markOf(seen, product('a', usd('1.00')))).to.equal('same');
    const fresh = product('a', usd('1.00'), { listedAt: at(1) });
    expect(markOf(seen, fresh)).to.equal('new');
    expect(markOf(learn(seen, look(1, [fresh])), fresh)).to.equal('same');
  });

  it('is not one that may have been reported and forgotten', () => {
    const forgetful = { ...learn(EMPTY, look(0, [])), rememberedFrom: T0 + 5 * 60_000 };
    expect(markOf(forgetful, product('a', usd('1.00')))).to.equal(null);
    expect(markOf(forgetful, product('a', usd('1.00'), { listedAt: at(4) }))).to.equal(null);
    expect(markOf(forgetful, product('a', usd('1.00'), { listedAt: at(6) }))).to.equal('new');
  });
});

describe('a price of a track', () => {
  const track = trackAfter([converted('v1|1|0', ['10.00', '2.00'], 1.1)]);

  it('is compared in the currency that the listing is sold in: an exchange rate changes nothing', () => {
    for (const rate of [0.5, 1.05, 1.2, 3])
      expect(markOf(track, converted('v1|1|0', ['10.00', '2.00'], rate))).to.equal('same');
    expect(markOf(track, converted('v1|1|0', ['9.00', '2.00'], 1.3))).to.equal('price-dropped');
    expect(markOf(track, converted('v1|1|0', ['10.00', '3.00'], 0.9))).to.equal('price-rose');
  });

  it('is read from what eBay sends: value and currency, and what they are converted from', () => {
    const sent = (rate: number, price: number, shipping: number) => {
      const amount = (euros: number) => ({
        ...{ value: (euros * rate).toFixed(2), currency: 'USD' },
        ...{ convertedFromValue: euros.toFixed(2), convertedFromCurrency: 'EUR' },
      });
      const shippingOptions = [{ shippingCostType: 'FIXED', shippingCost: amount(shipping) }];
      return productOf({ price: amount(price), shippingOptions });
    };
    const first = trackAfter([sent(1.1, 20, 5)]);
    for (const rate of [0.9, 1.2]) {
      expect(markOf(first, sent(rate, 20, 5))).to.equal('same');
      expect(markOf(first, sent(rate, 20, 4))).to.equal('price-dropped');
      expect(markOf(first, sent(rate, 21, 5))).to.equal('price-rose');
    }
  });

  it('has a former total at the exchange rate of now', () => {
    const { formerTotals } = compareWithTrack(
      track,
      look(1, [converted('v1|1|0', ['9.00', '2.00'], 1.3)]),
    ).verdict;
    expect(formerTotals.get('v1|1|0')).to.deep.equal(usd('15.60'));
  });

  it('says when the former one was seen last, small changes included', () => {
    const seen = learn(track, look(3, [converted('v1|1|0', ['10.05', '2.00'], 1.1)]));
    const later = look(7, [converted('v1|1|0', ['8.00', '2.00'], 1.1)]);
    const { formerSeen } = compareWithTrack(seen, later).verdict;
    expect(formerSeen?.get('v1|1|0')).to.equal(T0 + 3 * 60_000);
    expect(compareWithTrack(seen, look(7, [])).verdict).not.to.have.property('formerSeen');
  });

  it('is not kept of what eBay no longer lists: only the id and the time stay', () => {
    const { after } = compareWithTrack(track, look(1, []));
    expect(Object.fromEntries(after.listings)).to.deep.equal({
      1: { lastSeen: T0, itemId: 'v1|1|0', delivered: true, currency: null, named: false, offers: [] },
    });
    const gone = learn(track, look(1, []));
    expect(verdictOf(gone, look(2, [converted('v1|1|0', ['5.00', '2.00'], 1.1)]))).to.deep.equal({
      marks: { 'v1|1|0': 'same' },
      gone: [],
    });
  });

  it('is the same where only one of two answers names the original', () => {
    const silent = product('v1|1|0', usd('13.00'), { shipping: usd('2.60') });
    expect(markOf(track, silent)).to.equal('same');
    expect(
      markOf(learn(track, look(1, [silent])), { ...silent, price: usd('15.00'), total: usd('17.60') }),
    ).to.equal('same');
    expect(markOf(learn(track, look(1, [silent])), converted('v1|1|0', ['9.00', '2.00'], 1.1))).to.equal(
      'price-dropped',
    );
  });

  it('is compared without shipping where eBay does not name what it converted the shipping from', () => {
    const shippingSilent = (price: string, rate: number): TrackedProduct => {
      const whole = converted('v1|1|0', [price, '20.00'], rate);
      return { ...whole, shipping: { kind: 'fixed', cost: whole.shipping.cost } };
    };
    const from = trackAfter([shippingSilent('10.00', 1)]);
    expect(markOf(from, shippingSilent('10.00', 1.5))).to.equal('same');
    expect(markOf(from, shippingSilent('9.00', 1.5))).to.equal('price-dropped');
  });

  it('is unknown where only the shipping names what it was converted from', () => {
    const priceSilent = (rate: number): TrackedProduct => ({
      ...converted('v1|2|0', ['10.00', '2.00'], rate),
      converted: null,
    });
    expect(markOf(trackAfter([priceSilent(1)]), priceSilent(2))).to.equal('same');
  });

  it('starts afresh where the listing changes its currency', () => {
    const pounds = (price: string): TrackedProduct => ({
      ...product('v1|1|0', usd('9.00')),
      converted: { value: price, currency: 'GBP' },
    });
    expect(markOf(track, pounds('5.00'))).to.equal('same');
    expect(markOf(learn(track, look(1, [pounds('5.00')])), pounds('6.00'))).to.equal('price-rose');
  });

  it('is compared without the shipping that a carrier sets', () => {
    const calculated = (price: string, cost: string): TrackedProduct => ({
      ...product('v1|1|0', usd(price), { shipping: usd(cost) }),
      shipping: { kind: 'calculated', cost: usd(cost) },
    });
    const from = trackAfter([calculated('10.00', '4.00')]);
    expect(markOf(from, calculated('10.00', '9.00'))).to.equal('same');
    expect(markOf(from, calculated('8.00', '9.00'))).to.equal('price-dropped');
    expect(markOf(trackAfter([product('v1|1|0', usd('10.00'))]), calculated('10.00', '1.00'))).to.equal(
      'same',
    );
  });

  it('is compared with that of the same site and the same kind of answer only, and reported once', () => {
    const german = {
      ...product('v1|1|0', usd('10.00'), { shipping: usd('20.00') }),
      marketplace: 'EBAY_DE' as const,
    };
    const here = product('v1|1|0', usd('10.00'));
    const both = trackAfter([here], [german]);
    expect(markOf(trackAfter([here]), german)).to.equal('same');
    expect(markOf(both, here)).to.equal('same');
    const cheaper = [here, german].map((each) => ({ ...each, price: usd('8.00'), total: usd('13.00') }));
    expect(markOf(both, cheaper[0] as TrackedProduct)).to.equal('price-dropped');
    expect(markOf(learn(both, look(5, cheaper.slice(0, 1))), cheaper[1] as TrackedProduct)).to.equal('same');
    const detailed = {
      ...product('v1|1|0', usd('10.00'), { shipping: usd('20.00') }),
      details: { observedAt: at(9) },
    };
    expect(markOf(trackAfter([here]), detailed)).to.equal('same');
  });

  it('is the same while it has changed by less than 1 % and by less than 0.50 since it was reported', () => {
    const from = (price: string) => trackAfter([product('a', usd(price), { shipping: usd('0.00') })]);
    const to = (price: string) => product('a', usd(price), { shipping: usd('0.00') });
    expect(markOf(from('40.00'), to('39.61'))).to.equal('same');
    expect(markOf(from('40.00'), to('39.60'))).to.equal('price-dropped');
    expect(markOf(from('400.00'), to('400.49'))).to.equal('same');
    expect(markOf(from('400.00'), to('400.50'))).to.equal('price-rose');
    const yen = (price: string): TrackedProduct => ({
      ...to('1.00'),
      converted: { value: price, currency: 'JPY' },
    });
    expect(markOf(trackAfter([yen('9000')]), yen('9049'))).to.equal('same');
    expect(markOf(trackAfter([yen('9000')]), yen('9050'))).to.equal('price-rose');
  });

  it('is reported once small changes add up, and then compared with what was reported', () => {
    let now = trackAfter([product('a', usd('100.00'))]);
    const marks: unknown[] = [];
    for (const cents of [20, 40, 60, 80, 100, 120]) {
      const next = product('a', usd((100 + cents / 100).toFixed(2)));
      const minute = cents / 20;
      marks.push(verdictOf(now, look(minute, [next])).marks.a);
      now = learn(now, look(minute, [next]));
    }
    expect(marks).to.deep.equal(['same', 'same', 'price-rose', 'same', 'same', 'price-rose']);
  });
});

describe('a price that walks', () => {
  it('never is 1 % or 0.50 away from what was reported, and no smaller change is reported', () => {
    const walk = fc.array(fc.integer({ min: -80, max: 80 }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 4000, max: 20_000 }), walk, (start, moves) => {
        const shown = (cents: number) =>
          product('a', usd((cents / 100).toFixed(2)), { shipping: usd('0.00') });
        const isLarge = (from: number, to: number) =>
          Math.abs(to - from) >= 50 || Math.abs(to - from) * 100 >= from;
        let track = trackAfter([shown(start)]);
        let [now, reported] = [start, start];
        for (const [index, move] of moves.entries()) {
          now += move;
          const { marks } = verdictOf(track, look(index + 1, [shown(now)]));
          expect(marks.a).to.equal(
            !isLarge(reported, now) ? 'same' : now < reported ? 'price-dropped' : 'price-rose',
          );
          if (marks.a !== 'same') reported = now;
          track = learn(track, look(index + 1, [shown(now)]));
        }
      }),
    );
  });
});

describe('a listing with variations', () => {
  const red = product('v1|7|1', usd('10.00'));
  const blue = product('v1|7|2', usd('30.00'));

  it('is the same listing whatever variation eBay shows', () => {
    const track = trackAfter([red]);
    expect(verdictOf(track, look(1, [blue]))).to.deep.equal({ marks: { 'v1|7|2': 'same' }, gone: [] });
    const page = { itemIds: ['v1|7|3'], fitting: ['v1|7|3'] };
    expect(isAllKnownBehind(track, page, { marketplace: 'EBAY_US', wanted: 1, within: 1 })).to.equal(true);
    expect(verdictOf(track, look(1, [])).gone).to.deep.equal(['v1|7|1']);
  });

  it('has a price for each variation, compared with the last one of that variation', () => {
    const track = trackAfter([red], [blue]);
    expect(markOf(track, product('v1|7|1', usd('10.00')))).to.equal('same');
    expect(markOf(track, product('v1|7|1', usd('9.00')))).to.equal('price-dropped');
    expect(markOf(track, product('v1|7|2', usd('31.00')))).to.equal('price-rose');
  });

  it('is remembered with the prices of sixteen variations, those seen last', () => {
    const variations = Array.from({ length: 40 }, (_, n) => [product(`v1|7|${n}`, usd(`${n + 1}.00`))]);
    const { listings } = trackAfter(...variations);
    expect(listings.get('7')?.offers.map(({ variation }) => Number(variation))).to.deep.equal(
      Array.from({ length: 16 }, (_, n) => 39 - n),
    );
  });
});

describe('all variations of a listing', () => {
  const variations = (price: string) =>
    Array.from({ length: 40 }, (_, n) => product(`v1|7|${n + 1}`, usd(`${n + 1}${price}`)));

  it('are each compared with their own last price, however many there are', () => {
    const track = trackAfter(variations('0.00'));
    const same = verdictOf(track, look(1, variations('0.00'))).marks;
    expect(Object.values(same)).to.deep.equal(Array(40).fill('same'));
    const raised = verdictOf(track, look(1, variations('5.00'))).marks;
    expect(Object.values(raised)).to.deep.equal(Array(40).fill('price-rose'));
  });
});

describe('a request with price limits', () => {
  const limited = { priceCurrency: 'USD' };
  const foreign = converted('v1|1|0', ['10.00', '2.00'], 1.1);
  const auction = product('v1|2|0', null);
  const own = product('v1|3|0', usd('10.00'));

  it('has nothing gone and nothing new that an exchange rate or a bid may carry over them', () => {
    const track = learn(EMPTY, look(0, [foreign, auction, own], limited));
    expect(verdictOf(track, look(1, [], limited)).gone).to.deep.equal(['v1|3|0']);
    const { marks } = verdictOf(trackAfter([]), look(1, [foreign, auction, own], limited));
    expect(marks).to.deep.equal({ 'v1|1|0': null, 'v1|2|0': null, 'v1|3|0': 'new' });
  });

  it('is sure of no listing where a site has another currency than the limits', () => {
    const request = (
      marketplaces: NormalRequest['marketplaces'],
      price?: NormalRequest['filters']['price'],
    ) => priceCurrencyOf({ marketplaces, filters: price ? { price } : {} } as NormalRequest);
    const upTo50 = { max: '50', currency: 'EUR' };
    expect(request(['EBAY_DE', 'EBAY_FR'], upTo50)).to.equal('EUR');
    expect(request(['EBAY_DE', 'EBAY_US'], upTo50)).to.equal('');
    expect(request(['EBAY_DE', 'EBAY_US'])).to.equal(undefined);
  });
});

describe('one search in several pieces', () => {
  const amount = fc.integer({ min: 1, max: 99_999 }).map((cents) => usd((cents / 100).toFixed(2)));
  const prices = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.option(amount), { maxKeys: 8 });
  const products = (of: Record<string, Money | null>) =>
    Object.entries(of).map(([id, price]) => product(id, price));

  it('is nothing new when it is asked again', () => {
    fc.assert(
      fc.property(prices, prices, (before, now) => {
        const track = trackAfter(products(before));
        const first = compareWithTrack(track, look(1, products(now)));
        const again = { ...look(1, products(now)), before: first.verdict };
        const second = compareWithTrack(learn(track, look(1, products(now))), again);
        expect(second.verdict).to.deep.equal(first.verdict);
        expect(second.after.listings.size).to.equal(0);
      }),
    );
  });

  it('is the same as in one piece', () => {
    fc.assert(
      fc.property(prices, prices, fc.nat(8), (before, now, cutAt) => {
        const track = trackAfter(products(before));
        const first = part(1, products(now).slice(0, cutAt), { complete: false });
        const { verdict } = compareWithTrack(track, first);
        const inTwo = compareWithTrack(learn(track, first), { ...look(1, products(now)), before: verdict });
        const inOne = compareWithTrack(track, look(1, products(now)));
        expect(Object.fromEntries(inTwo.verdict.marks)).to.deep.equal(
          Object.fromEntries(inOne.verdict.marks),
        );
        expect(inTwo.verdict.gone).to.have.members(inOne.verdict.gone);
      }),
    );
  });
});

describe('the listing of an item', () => {
  it('is the middle of its id, else the id', () => {
    expect(['v1|110001|0', 'v1|110001|42', '110001', 'v2|1', 'v1||0'].map(listingOf)).to.deep.equal([
      '110001',
      '110001',
      '110001',
      'v2|1',
      'v1||0',
    ]);
  });
});

describe('the pages of a marketplace', () => {
  const whole: Coverage = { stoppedBy: 'end', claimed: 2, itemIds: ['v1|1|0', 'v1|2|0'], unreadable: 0 };

  it('are the whole listing where it ended, each listing is there once, and none is missing', () => {
    expect(sawWhole(whole)).to.equal(true);
    expect(sawWhole({ ...whole, claimed: 1 })).to.equal(true);
    expect(sawWhole({ stoppedBy: 'end', claimed: 0, itemIds: [], unreadable: 0 })).to.equal(true);
  });

  it('are not where another listing may be there unseen', () => {
    const cases: Array<Partial<Coverage>> = [
      { stoppedBy: 'wanted' },
      { stoppedBy: 'window' },
      { stoppedBy: 'max-calls' },
      { stoppedBy: 'known' },
      { claimed: 3 },
      { claimed: null },
      { unreadable: 1 },
      { itemIds: ['v1|1|0', 'v1|2|0', 'v1|1|0'] },
      { itemIds: ['v1|1|0', 'v1|2|0', 'v1|1|7'] },
    ];
    for (const change of cases)
      expect(sawWhole({ ...whole, ...change }), JSON.stringify(change)).to.equal(false);
  });
});

describe('the fingerprint of a request', () => {
  const request: NormalRequest = {
    v: 1,
    query: 'led strip',
    marketplaces: ['EBAY_US', 'EBAY_GB'],
    maxItems: 200,
    details: 'none',
    maxAge: 0,
    onFailure: 'fail',
    priority: 'interactive',
    tenant: 'default',
    filters: { conditions: ['NEW', 'USED'] },
  };

  it('is another one for other listings or other prices', () => {
    const others: Array<Partial<NormalRequest>> = [
      { query: 'led strips' },
      { categoryIds: ['1'] },
      { marketplaces: ['EBAY_US'] },
      { filters: { conditions: ['NEW'] } },
      { shipTo: { country: 'US' } },
      { title: { include: ['led'] } },
      { seller: { minFeedbackScore: 1 } },
      { excludePickupOnly: true },
    ];
    const prints = [{}, ...others].map((change) => trackFingerprint({ ...request, ...change }));
    expect(new Set(prints).size).to.equal(prints.length);
  });

  it('is the same however many, in which order, when, and for whom', () => {
    const same: Array<Partial<NormalRequest>> = [
      { marketplaces: ['EBAY_GB', 'EBAY_US'] },
      { filters: { conditions: ['USED', 'NEW'], returnsAccepted: false } },
      { maxItems: 1000, maxCalls: 9, sort: 'newlyListed', details: 'full', track: 'mine' },
      { maxAge: 60, onFailure: 'degrade', priority: 'backfill', tenant: 'acme' },
    ];
    for (const change of same)
      expect(trackFingerprint({ ...request, ...change })).to.equal(trackFingerprint(request));
  });

  it('covers every field of a request but those that say how it runs', () => {
    const run =
      'v maxItems maxCalls sort strictFilters details detailsMaxAge variations facets language reference costs ' +
      'track maxAge onFailure priority tenant';
    const fields = Object.keys(SearchRequestSchema.properties);
    expect(fields).to.have.members([...MEANING, ...MORE_MEANING, ...run.split(' ')]);
  });

  it('is what earlier releases made of a request that they know', () => {
    expect(trackFingerprint(request)).to.equal('4d091969da93d05aa1fc3ab5134e0bfa');
  });

  it('changes with what further kinds of query look for', () => {
    const { query: _, ...rest } = request;
    const kinds: Array<Partial<NormalRequest>> = [
      { gtin: '4006381333931' },
      { epid: '15032' },
      { gtin: '15032000' },
      { items: ['110000000000', '110000000001'] },
      { items: ['110000000000'] },
      { image: 'iVBORw0KGgo=' },
      { query: 'x', autoCorrect: true },
      { query: 'x' },
    ];
    const prints = kinds.map((kind) => trackFingerprint({ ...rest, ...kind } as NormalRequest));
    expect(new Set(prints).size).to.equal(kinds.length);
    const turned = { ...rest, items: ['110000000001', '110000000000'] } as NormalRequest;
    expect(trackFingerprint(turned)).to.equal(prints[3]);
  });
});

describe('a page of a search for the newest', () => {
  const ids = (from: number, count: number) => Array.from({ length: count }, (_, n) => `v1|${from + n}|0`);
  const newest = (itemIds: readonly string[], end: 'known' | 'listing' | null, fitting = itemIds) => ({
    newest: { EBAY_US: { itemIds, fitting, end } },
  });
  const track = learn(EMPTY, {
    ...part(
      0,
      ids(0, 100).map((id) => product(id, usd('5.00'))),
    ),
    ...newest(ids(0, 100), null),
  });
  const isLast = (itemIds: readonly string[], wanted = 100, of = track) =>
    isAllKnownBehind(of, { itemIds, fitting: itemIds }, { marketplace: 'EBAY_US', wanted, within: 10_000 });

  it('is the last one where the second half of it is known', () => {
    expect(isLast(ids(0, 40))).to.equal(true);
    expect(isLast([...ids(900, 5), ...ids(0, 35)])).to.equal(true);
    expect(isLast([...ids(900, 20), ...ids(0, 20)])).to.equal(true);
    expect(isLast([...ids(900, 21), ...ids(0, 19)])).to.equal(false);
    // One that stands far behind its date.
    expect(isLast([...ids(0, 30), 'v1|900|0', ...ids(30, 9)])).to.equal(false);
  });

  it('is not the last one of a few of which one is new, of none, and before one search was complete', () => {
    expect(isLast([...ids(900, 1), ...ids(0, 9)])).to.equal(false);
    expect(isLast([...ids(900, 1), ...ids(0, 10)])).to.equal(true);
    expect(isLast([])).to.equal(false);
    expect(isLast(ids(0, 40), 100, { ...track, since: null })).to.equal(false);
  });

  it('is not the last one where more is wanted than the searches of the track went through', () => {
    expect(isLast(ids(0, 40), 101)).to.equal(false);
    expect(isLast([...ids(900, 1), ...ids(0, 39)], 101)).to.equal(true);
    const { newest: _, ...earlier } = track;
    expect(isLast(ids(0, 40), 101, earlier)).to.equal(true);
    const page = { itemIds: ids(0, 40), fitting: ids(0, 40) };
    expect(isAllKnownBehind(track, page, { marketplace: 'EBAY_DE', wanted: 1, within: 1 })).to.equal(false);
  });

  it('is the last one for conditions that drop most where as many that fit were seen, or all that may be seen', () => {
    const isFitting = (_: string, n: number) => n % 10 === 0;
    const dropping = learn(EMPTY, {
      ...part(0, [], { listed: new Set(ids(0, 200)) }),
      ...newest(ids(0, 200), null, ids(0, 200).filter(isFitting)),
    });
    const isLastOf = (itemIds: string[], wanted: number, within: number) =>
      isAllKnownBehind(
        dropping,
        { itemIds, fitting: itemIds.filter(isFitting) },
        { marketplace: 'EBAY_US', wanted, within },
      );
    expect(isLastOf(ids(0, 200), 20, 1000)).to.equal(true);
    expect(isLastOf(ids(0, 200), 21, 1000)).to.equal(false);
    expect(isLastOf(ids(0, 200), 21, 200)).to.equal(true);
    expect(isLastOf(ids(0, 200), 21, 201)).to.equal(false);
    // One that fits and one that does not are new.
    const added = [...ids(900, 2), ...ids(2, 198)];
    expect(isLastOf(added, 21, 1000)).to.equal(true);
    expect(isLastOf(added, 22, 202)).to.equal(true);
    expect(isLastOf(added, 22, 203)).to.equal(false);
  });

  it('tells the track how far its searches have gone without a gap', () => {
    const reach = (itemIds: readonly string[], end: 'known' | 'listing' | null, fitting = itemIds) => {
      const seen = newest(itemIds, end, fitting);
      const { EBAY_US } = compareWithTrack(track, { ...part(1, []), ...seen }).after.newest ?? {};
      return [EBAY_US?.items, EBAY_US?.fitting];
    };
    expect(reach([...ids(900, 5), ...ids(0, 15)], 'known')).to.deep.equal([105, 105]);
    expect(reach([...ids(900, 5), ...ids(0, 15)], 'known', ids(904, 1))).to.deep.equal([105, 101]);
    expect(reach(ids(900, 20), null, ids(901, 3))).to.deep.equal([20, 3]);
    expect(reach(ids(0, 20), null)).to.deep.equal([20, 20]);
    expect(reach(ids(0, 20), 'listing')).to.deep.equal([10_000, 10_000]);
    const unchanged = { EBAY_US: { items: 100, fitting: 100 } };
    expect(compareWithTrack(track, part(1, [])).after.newest).to.deep.equal(unchanged);
    expect(compareWithTrack(EMPTY, part(1, [])).after.newest).to.equal(undefined);
  });
});

describe('what is news to a track', () => {
  const asItem = (shown: TrackedProduct): TrackedProduct => ({ ...shown, details: { observedAt: at(0) } });
  const news = (track: Track, shown: TrackedProduct) =>
    newsAmong(track, [{ ...shown, observedAt: at(5) }], undefined).size === 1;

  it('is a listing that it has not delivered, and all before its first complete search', () => {
    const track = trackAfter([product('a', usd('10.00'))]);
    expect(news(track, product('a', usd('10.00')))).to.equal(false);
    expect(news(track, product('b', usd('10.00')))).to.equal(true);
    const listed = learn(track, { ...part(1, []), listed: new Set(['b']) });
    expect(news(listed, product('b', usd('10.00')))).to.equal(true);
    expect(news({ ...track, since: null }, product('a', usd('10.00')))).to.equal(true);
  });

  it('is another price, whichever kind of answer named the last one, and another delivered price', () => {
    for (const kind of [(shown: TrackedProduct) => shown, asItem]) {
      const track = trackAfter([kind(product('a', usd('10.00')))]);
      expect(news(track, product('a', usd('10.00')))).to.equal(false);
      expect(news(track, product('a', usd('8.00')))).to.equal(true);
      expect(news(track, product('a', usd('10.01')))).to.equal(false);
    }
    const track = trackAfter([product('a', usd('10.00'))]);
    expect(news(track, product('a', usd('10.00'), { shipping: usd('9.00') }))).to.equal(true);
  });

  it('is no exchange rate', () => {
    const track = trackAfter([converted('a', ['100.00', '10.00'], 1.1)]);
    expect(news(track, converted('a', ['100.00', '10.00'], 1.3))).to.equal(false);
    expect(news(track, converted('a', ['90.00', '10.00'], 1.1))).to.equal(true);
  });
});
