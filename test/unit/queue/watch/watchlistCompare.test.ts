import { expect } from 'chai';
import { goneDetails, unknownDetails } from '../../../../src/collector/mapDetails.ts';
import { mapItem } from '../../../../src/collector/mapItem.ts';
import type { Product, ProductDetails } from '../../../../src/product/product.ts';
import {
  compareSeen,
  type Observed,
  observedIn,
  packWatched,
  readWatched,
  type Watched,
  watchEvents,
} from '../../../../src/queue/watch/watchlists/compare.ts';

const ENTRY = '110000000001';
const START = Date.parse('2026-03-01T00:00:00Z');
const DAY = 86_400_000;

interface Shown {
  price?: string;
  variation?: string;
  latest?: number;
  details?: Partial<ProductDetails>;
  options?: string[];
}

function productAt(
  at: number,
  { price = '10.00', variation = '0', latest, details, options }: Shown = {},
): Product {
  const observedAt = new Date(at).toISOString();
  const mapped = mapItem(
    {
      itemId: `v1|${ENTRY}|${variation}`,
      title: 'Hub',
      price: { value: price, currency: 'USD' },
      buyingOptions: options ?? ['FIXED_PRICE'],
      leafCategoryIds: ['9'],
      shippingOptions: [
        {
          shippingCostType: 'FIXED',
          shippingCost: { value: '0.00', currency: 'USD' },
          ...(latest !== undefined && {
            minEstimatedDeliveryDate: new Date(at).toISOString(),
            maxEstimatedDeliveryDate: new Date(latest).toISOString(),
          }),
        },
      ],
    },
    { marketplace: 'EBAY_US', observedAt, rank: 1 },
  );
  if (!('product' in mapped)) throw new Error(mapped.rejected);
  return { ...mapped.product, ...(details && { details: { ...unknownDetails(observedAt), ...details } }) };
}

const search = (at: number, shown?: Shown): Observed => ({
  at,
  source: 'search',
  products: [productAt(at, shown)],
});
const item = (at: number, details: Partial<ProductDetails>, shown: Shown = {}): Observed => ({
  at,
  source: 'item',
  products: [productAt(at, { ...shown, details })],
});
const gone = (at: number): Observed => ({ at, source: 'item', products: [] });

/** Compares one answer after the other, through what is stored. */
function watch(answers: Observed[], { quantity = false } = {}) {
  let state: Watched | undefined;
  const types: string[][] = [];
  for (const answer of answers) {
    const compared = compareSeen(ENTRY, state, answer, { quantity });
    types.push((compared?.changes ?? []).map(({ type }) => type.replace('watchlist.', '')));
    state = readWatched(packWatched(compared?.after ?? (state as Watched)));
  }
  return { state: state as Watched, types };
}

describe('What a look says of a listing of a watchlist', () => {
  it('is nothing the first time, and nothing of an answer that is no later one', () => {
    expect(watch([search(START), search(START, { price: '5.00' })]).types).to.deep.equal([[], []]);
    expect(watch([gone(START), gone(START + 1)]).types).to.deep.equal([[], []]);
  });

  it('is a price that changed by 1 % or 0.50 since it was reported, whatever lies between', () => {
    const prices = ['100.00', '100.40', '100.80', '101.00', '80.00'];
    const answers = prices.map((price, n) => search(START + n, { price }));
    expect(watch(answers).types).to.deep.equal([[], [], ['price-rose'], [], ['price-dropped']]);
    // A search and a call for the item name different shipping, and variations have prices of their own.
    const others = [
      search(START),
      item(START + 1, { observedAt: new Date(START + 1).toISOString() }, { price: '50.00' }),
      search(START + 2, { variation: '7', price: '90.00' }),
      search(START + 3, { price: '9.00' }),
    ];
    expect(watch(others).types).to.deep.equal([[], [], [], ['price-dropped']]);
  });

  it('is that it sold out, ended and is back', () => {
    const answers = [
      search(START),
      item(START + 1, { availability: 'out-of-stock' }),
      search(START + 2),
      gone(START + 3),
      gone(START + 4),
      search(START + 5, { price: '3.00' }),
      item(START + 6, { availability: 'ended' }),
      item(START + 7, { availability: 'out-of-stock' }),
      item(START + 8, { availability: 'in-stock' }),
    ];
    const { types, state } = watch(answers);
    expect(types).to.deep.equal([
      [],
      ['out-of-stock'],
      ['returned'],
      ['ended'],
      [],
      ['returned'],
      ['ended'],
      [],
      ['returned'],
    ]);
    expect(state).to.include({ state: 'in-stock', checked: START + 8, category: '9' });
  });

  it('keeps id and time alone of what has ended', () => {
    const { state } = watch([search(START, { latest: START + DAY }), gone(START + 1)]);
    expect(state).to.deep.equal({
      state: 'ended',
      seen: START + 1,
      checked: START + 1,
      category: '9',
      quantity: null,
      moreThan: null,
      arrival: null,
      known: undefined,
    });
  });

  it('is another number left, where that is watched', () => {
    const answers = [
      item(START, { availability: 'in-stock', availableQuantityMoreThan: 10 }),
      item(START + 1, { availability: 'in-stock', availableQuantityMoreThan: 10 }),
      item(START + 2, { availability: 'limited', availableQuantity: 4 }),
      item(START + 3, { availability: 'limited', availableQuantity: 3 }),
    ];
    expect(watch(answers, { quantity: true }).types).to.deep.equal([
      [],
      [],
      ['quantity-changed'],
      ['quantity-changed'],
    ]);
    expect(watch(answers).types.flat()).to.deep.equal([]);
  });

  it('is an arrival that takes a day longer than reported, not that the dates move on', () => {
    const takes = (n: number, days: number) => search(START + n * DAY, { latest: START + (n + days) * DAY });
    const answers = [
      takes(0, 5),
      takes(1, 5),
      takes(2, 5.5),
      takes(3, 6),
      takes(4, 4),
      takes(5, 6),
      takes(6, 6),
    ];
    expect(watch(answers).types).to.deep.equal([[], [], [], ['delivery-later'], [], ['delivery-later'], []]);
  });

  it('takes the variations of a listing together, in whatever order eBay names them', () => {
    const left = (availableQuantity: number, variation: string, latest = START + 3 * DAY) => ({
      variation,
      latest,
      details: {
        availability: availableQuantity > 0 ? ('in-stock' as const) : ('out-of-stock' as const),
        availableQuantity,
      },
    });
    const all = (at: number, ...shown: Shown[]): Observed => ({
      at,
      source: 'item',
      products: shown.map((each) => productAt(at, each)),
    });
    const answers = [
      all(START, left(5, '1'), left(10, '2')),
      all(START + 1, left(10, '2'), left(5, '1')),
      all(START + 2, left(0, '1'), left(10, '2')),
      all(START + 3, left(0, '1'), left(15, '2')),
    ];
    const watched = watch(answers, { quantity: true });
    expect(watched.types).to.deep.equal([[], [], ['quantity-changed'], ['quantity-changed']]);
    expect(watched.state).to.include({ quantity: 15, moreThan: null });

    // Each variation has an arrival of its own.
    const arrivals = [
      all(START, left(1, '1')),
      all(START + 1, left(1, '2', START + 9 * DAY), left(1, '1')),
      all(START + 2, left(1, '2', START + 12 * DAY)),
      all(START + 3, left(1, '2', START + 14 * DAY)),
    ];
    expect(watch(arrivals).types).to.deep.equal([[], [], [], ['delivery-later']]);
    expect(watch(arrivals).state.arrival).to.include({ variation: '2', source: 'item' });
  });

  it('takes an item’s answer for the variation or the listing that is watched', () => {
    const at = new Date(START).toISOString();
    const details = unknownDetails(at);
    const products = ['7', '8'].map((variation) => productAt(START, { variation }));
    const answer = { details, products, calls: 1, latencyMs: 1 };
    expect(observedIn(ENTRY, answer)?.products).to.have.length(2);
    expect(observedIn(`v1|${ENTRY}|8`, answer)?.products.map(({ itemId }) => itemId)).to.deep.equal([
      `v1|${ENTRY}|8`,
    ]);
    expect(observedIn(`v1|${ENTRY}|9`, answer)?.products).to.deep.equal([]);
    expect(observedIn(`v1|${ENTRY}|9`, { ...answer, rejected: { 'no-price': 1 } })).to.equal(undefined);
    expect(observedIn(ENTRY, { ...answer, hasVariations: true })).to.equal(undefined);
    const none = { details: goneDetails(new Date(START)), products: [], calls: 1, latencyMs: 0 };
    expect(observedIn(ENTRY, none)).to.deep.equal({ at: START, source: 'item', products: [] });
  });

  it('agrees with a simple list of states over random answers', () => {
    let state = 7;
    const draw = (most: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor(state / 65_536) % most;
    };
    let events = 0;
    for (let round = 0; round < 200; round += 1) {
      const kinds = Array.from({ length: 12 }, () => draw(3));
      const answers = kinds.map((kind, n) =>
        kind === 0
          ? search(START + n)
          : kind === 1
            ? item(START + n, { availability: 'out-of-stock' })
            : gone(START + n),
      );
      const wanted = kinds.map((kind, n) => {
        const before = kinds[n - 1];
        if (before === undefined || before === kind) return [];
        if (kind === 0) return ['returned'];
        if (kind === 2) return ['ended'];
        return before === 0 ? ['out-of-stock'] : [];
      });
      const { types } = watch(answers);
      expect(types).to.deep.equal(wanted);
      events += types.flat().length;
    }
    expect(events).to.be.above(500);
  });

  it('becomes events whose ids follow from the answer', () => {
    const about = {
      tenant: 't',
      watchlist: 'w',
      searchId: 's',
      entry: ENTRY,
      columns: { sku: 'A' },
      at: START,
    };
    const changes = [{ type: 'watchlist.ended' as const, itemId: ENTRY }];
    const [one] = watchEvents(about, changes);
    const [again] = watchEvents({ ...about, searchId: 'another' }, changes);
    const [later] = watchEvents({ ...about, at: START + 1 }, changes);
    expect(one).to.deep.include({
      type: 'watchlist.ended',
      watchlist: 'w',
      item: ENTRY,
      columns: { sku: 'A' },
    });
    expect([again?.id === one?.id, later?.id === one?.id]).to.deep.equal([true, false]);
  });
});
