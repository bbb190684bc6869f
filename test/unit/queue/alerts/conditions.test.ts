import { expect } from 'chai';
import {
  fitsAlert,
  hitIdOf,
  judge,
  likenessOf,
  type SeenListing,
} from '../../../../src/queue/alerts/conditions.ts';
import {
  noneShared,
  packState,
  readShared,
  readState,
  readTwin,
} from '../../../../src/queue/alerts/state.ts';
import { AlertMemory, alertOf, MONTH_MS, type Shown, shownAs } from '../../../support/alertAnswers.ts';

const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ITEM = 'v1|110000000001|0';
const OTHER = 'v1|110000000002|0';

type Change = Partial<SeenListing> & Partial<Shown>;

/** An answer about a listing that costs 100.00, with a change. */
function answer(at: number, { item = 10_000, shipping = 0, ...change }: Change = {}): SeenListing {
  const { currency, converted, title, image, ...rest } = change;
  const itemId = rest.itemId ?? ITEM;
  const shown = {
    item,
    shipping,
    ...(currency && { currency }),
    ...(converted && { converted }),
    ...(title && { title }),
    ...(image && { image }),
  };
  const seen = { isNew: false, isOut: false, quantity: null, moreThan: null, source: 'search' as const };
  return { ...seen, product: shownAs(itemId, shown), ...rest, itemId, at };
}

/** Prices of an alert's hits, `from → to`, answer by answer. */
function hitsOf(condition: object, answers: SeenListing[], more: { rearm?: number; ttlMs?: number } = {}) {
  const { ttlMs, ...rest } = more;
  const memory = new AlertMemory(alertOf(condition, rest), ttlMs);
  return answers.map((each) =>
    memory
      .see(each)
      .met.map(({ from, to }) => [from, to].map((price) => price?.value ?? '-').join(' → '))
      .join(),
  );
}

describe('the conditions of an alert', () => {
  it('find a slow decline in small steps, once it adds up', () => {
    const cents = Array.from({ length: 11 }, (_, n) => answer(START + n * DAY, { item: 10_000 - n * 20 }));
    const hits = hitsOf({ on: 'drop', percent: 2 }, cents).filter(Boolean);
    expect(hits).to.deep.equal(['100.00 → 98.00']);
  });

  it('do not count cents', () => {
    const small = [10_000, 9_999, 9_905, 9_999, 10_000].map((item, n) => answer(START + n * DAY, { item }));
    for (const on of ['drop', 'rise', 'lowest']) expect(hitsOf({ on }, small).join('')).to.equal('');
    const cheap = [99, 98, 90, 89].map((item, n) => answer(START + n * DAY, { item }));
    expect(hitsOf({ on: 'drop' }, cheap)).to.deep.equal(['', '', '', '0.99 → 0.89']);
  });

  it('are met once in the time of rearm while a price goes to and fro, and again for a further drop', () => {
    const prices = [10_000, 9_000, 10_000, 9_000, 10_000, 9_000, 8_000];
    const flaps = prices.map((item, n) => answer(START + n * HOUR, { item }));
    expect(hitsOf({ on: 'drop', percent: 10 }, flaps)).to.deep.equal([
      ...['', '100.00 → 90.00', '', '', '', '', '90.00 → 80.00'],
    ]);
    expect(
      hitsOf({ on: 'price-below', price: '95', currency: 'USD' }, flaps).filter(Boolean),
    ).to.have.lengthOf(1);
  });

  it('ignore an answer that is older than what is known, and the same one twice', () => {
    const late = [answer(START), answer(START + DAY, { item: 9_500 }), answer(START + HOUR, { item: 5_000 })];
    expect(hitsOf({ on: 'drop' }, [...late, late[1] as SeenListing])).to.deep.equal([
      ...['', '100.00 → 95.00', '', ''],
    ]);
  });

  it('take an exchange rate for no change, and compare in the currency of the listing', () => {
    const at = (n: number, rate: number, item = 10_000) =>
      answer(START + n * DAY, { item, currency: 'EUR', converted: { currency: 'USD', rate } });
    const rates = [at(0, 1.2), at(1, 1.0), at(2, 1.3), at(3, 1.1, 9_000)];
    for (const condition of [{ on: 'drop' }, { on: 'lowest', of: 'listing' }])
      expect(hitsOf(condition, rates)).to.deep.equal(['', '', '', '110.00 → 99.00']);
    expect(hitsOf({ on: 'drop', amount: '10', currency: 'USD' }, rates)[3]).to.equal('110.00 → 99.00');
    expect(hitsOf({ on: 'drop', amount: '10', currency: 'GBP' }, rates).join('')).to.equal('');
  });

  it('take what searches and item calls say of shipping for no change, and find what has changed', () => {
    const [search, item] = [{ shipping: 500 }, { shipping: 900, source: 'item' as const }];
    const by = (n: number, change: Change) => answer(START + n * DAY, change);
    const turns = [by(0, search), by(1, item), by(2, search), by(3, item)];
    for (const on of ['drop', 'rise', 'lowest']) expect(hitsOf({ on }, turns).join('')).to.equal('');
    // A cut between answers of two kinds is found by the first that follows.
    const cut = [...turns, by(4, { ...search, item: 9_000 }), by(5, { ...item, item: 9_000 })];
    expect(hitsOf({ on: 'drop' }, cut, { rearm: 0 })).to.deep.equal(['', '', '', '', '105.00 → 95.00', '']);
    const dearer = [...turns, by(4, { shipping: 1_500 }), by(5, { ...item, shipping: 1_900 })];
    expect(hitsOf({ on: 'rise' }, dearer, { rearm: 0 })).to.deep.equal([
      '',
      '',
      '',
      '',
      '105.00 → 115.00',
      '',
    ]);
  });

  it('wait where a price is not known: shipping by a carrier, bids, another currency', () => {
    const unknown = { ...shownAs(ITEM, { item: 1, shipping: 0 }), price: null };
    const answers = [
      answer(START),
      { ...answer(START + DAY), product: shownAs(ITEM, { item: 1_000, shipping: null }) },
      { ...answer(START + 2 * DAY), product: unknown },
      answer(START + 3 * DAY),
    ];
    for (const on of ['drop', 'rise', 'lowest']) expect(hitsOf({ on }, answers).join('')).to.equal('');
    const below = { on: 'price-below', price: '50', currency: 'EUR' };
    expect(hitsOf(below, [answer(START, { isNew: true, item: 100 })])).to.deep.equal(['']);
  });

  it('compare each variation with itself', () => {
    const [small, large] = ['v1|110000000001|1', 'v1|110000000001|2'];
    const turns = [small, large, small, large].map((itemId, n) =>
      answer(START + n * DAY, { itemId, item: itemId === small ? 5_000 : 10_000 }),
    );
    expect(hitsOf({ on: 'drop' }, turns).join('')).to.equal('');
  });

  it('find the lowest of all that a track has seen within its time', () => {
    const by = (hours: number, itemId: string, item: number) =>
      answer(START + hours * HOUR, { itemId, item });
    const lowest = { on: 'lowest', of: 'all' };
    const seen = [by(0, ITEM, 10_000), by(1, OTHER, 12_000), by(2, OTHER, 9_000), by(3, ITEM, 9_500)];
    expect(hitsOf(lowest, seen)).to.deep.equal(['', '', '100.00 → 90.00', '']);
    // What is still shown stays the lowest. What was shown before the time of the track does not.
    const ttlMs = 10 * DAY;
    const shown = Array.from({ length: 31 }, (_, n) => by(n * 8, ITEM, 9_000));
    const since = [by(241, OTHER, 12_000), by(242, ITEM, 9_000)];
    expect(hitsOf(lowest, [...shown, ...since], { ttlMs }).join('')).to.equal('');
    const later = [by(0, ITEM, 9_000), by(100, OTHER, 12_000), by(300, OTHER, 11_000)];
    expect(hitsOf(lowest, later, { ttlMs })).to.deep.equal(['', '', '120.00 → 110.00']);
  });

  it('learn at the first look, and say how much is met already', () => {
    const memory = new AlertMemory(alertOf({ on: 'price-below', price: '120', currency: 'USD' }));
    const first = memory.see(answer(START, { isNew: true }), { isBaseline: true });
    expect(first).to.deep.include({ met: [], matches: true });
    expect(memory.see(answer(START + DAY)).met).to.deep.equal([]);
    expect(memory.see(answer(START + 2 * DAY, { itemId: OTHER, isNew: true })).met).to.have.lengthOf(1);
  });

  it('do not take a repost for new, nor for cheaper', () => {
    const same = { title: 'Lens, 50mm', image: 'https://i.ebayimg.example/g/a/s-l225.jpg', isNew: true };
    const again = {
      ...same,
      itemId: OTHER,
      title: 'LENS  50mm',
      image: 'https://i.ebayimg.example/g/a/s-l500.jpg',
    };
    const both = [answer(START, same), answer(START + DAY, again)];
    expect(hitsOf({ on: 'new' }, both)).to.deep.equal(['- → 100.00', '']);
    expect(hitsOf({ on: 'new', relisted: true }, both).filter(Boolean)).to.have.lengthOf(2);
    const below = { on: 'price-below', price: '120', currency: 'USD' };
    expect(hitsOf(below, both)).to.deep.equal(['- → 100.00', '']);
    expect(likenessOf(shownAs(ITEM, { item: 1, shipping: 0 }))).to.have.lengthOf(11);
  });

  it('see that a listing is back only where an answer can say so', () => {
    const back = [
      answer(START, { source: 'item' }),
      answer(START + DAY, { source: 'item', isOut: true }),
      answer(START + 2 * DAY),
      answer(START + 3 * DAY, { source: 'item' }),
    ];
    expect(hitsOf({ on: 'back-in-stock' }, back).map(Boolean)).to.deep.equal([false, false, false, true]);
  });

  it('take more than so many for enough where it is enough, and for unknown where it is not', () => {
    const by = (n: number, change: Change) => answer(START + n * DAY, { source: 'item', ...change });
    const left = [
      by(0, { moreThan: 2 }),
      by(1, { quantity: 2 }),
      by(2, { moreThan: 1 }),
      by(3, { quantity: 1 }),
    ];
    const memory = new AlertMemory(alertOf({ on: 'stock-below', quantity: 3 }));
    expect(left.map((each) => memory.see(each).met.length)).to.deep.equal([0, 1, 0, 0]);
  });

  it('forget a listing that was not seen for the time of the track', () => {
    const late = [answer(START), answer(START + MONTH_MS + DAY, { item: 5_000 })];
    expect(hitsOf({ on: 'drop' }, late).join('')).to.equal('');
    const gone = { ...answer(START + MONTH_MS + DAY), product: null };
    expect(hitsOf({ on: 'gone' }, [answer(START), gone]).join('')).to.equal('');
  });

  it('go on after a clock that was ahead, and give no answer a time that has not come', () => {
    const memory = new AlertMemory(alertOf({ on: 'drop' }));
    const ahead = START + 1_000 * DAY;
    memory.see(answer(ahead), { now: ahead });
    expect(memory.see(answer(START, { item: 9_000 })).met).to.deep.equal([]);
    expect(memory.see(answer(START + HOUR, { item: 8_000 })).met).to.have.lengthOf(1);
    memory.see(answer(ahead), { now: START + 2 * HOUR });
    expect(memory.state(ITEM)?.at).to.equal(START + 2 * HOUR);
  });

  it('meet what the rules of the alert let through', () => {
    const definition = alertOf({ on: 'drop' }, { title: { exclude: ['case'] }, conditionIds: ['1000'] });
    const product = shownAs(ITEM, { item: 1, shipping: 0, title: 'Lens' });
    expect(fitsAlert(definition)(product)).to.equal(true);
    expect(fitsAlert(definition)({ ...product, title: 'Lens case' })).to.equal(false);
    expect(fitsAlert(definition)({ ...product, conditionId: '3000' })).to.equal(false);
    expect(fitsAlert(definition)({ ...product, conditionId: null })).to.equal(false);
  });

  it('have ids that are the same for the same answer alone', () => {
    const met = {
      index: 0,
      on: 'drop',
      basis: null,
      from: null,
      fromAt: null,
      to: null,
      quantity: null,
    } as const;
    const id = hitIdOf('a', met, answer(START));
    expect(id).to.match(/^[0-9a-f]{32}$/);
    expect(hitIdOf('a', met, answer(START))).to.equal(id);
    for (const other of [
      hitIdOf('b', met, answer(START)),
      hitIdOf('a', { ...met, index: 1 }, answer(START)),
      hitIdOf('a', met, answer(START + 1)),
      hitIdOf('a', met, answer(START, { itemId: OTHER })),
    ])
      expect(other).to.not.equal(id);
  });
});

describe('what an alert knows of a listing', () => {
  it('is written when it changes, and else once in a tenth of the time of the track', () => {
    const memory = new AlertMemory(alertOf({ on: 'lowest', of: 'listing' }), 10 * DAY);
    for (let n = 0; n <= 48; n += 1) memory.see(answer(START + n * HOUR));
    expect(memory.writes).to.equal(2);
    memory.see(answer(START + 49 * HOUR, { item: 9_990 }));
    expect(memory.writes).to.equal(2);
    memory.see(answer(START + 50 * HOUR, { item: 9_000 }));
    expect(memory.writes).to.equal(3);
  });

  it('is read as it was written, and takes at most 120 bytes with one condition', () => {
    for (const condition of [
      { on: 'new' },
      { on: 'stock-below', quantity: 3 },
      { on: 'price-below', price: '95', currency: 'USD' },
      { on: 'drop' },
      { on: 'rise' },
      { on: 'lowest', of: 'listing' },
      { on: 'lowest', of: 'all' },
    ]) {
      const memory = new AlertMemory(alertOf(condition, { rearm: 0 }));
      const prices = [10_000, 9_000, 9_400, 9_300, 9_700, 9_600, 9_800, 12_000];
      for (const [n, item] of prices.entries()) {
        const source = n % 2 === 0 ? 'search' : 'item';
        memory.see(answer(START + n * DAY, { item, shipping: 599, source, quantity: n, isNew: true }));
        const text = memory.states.get(ITEM) as string;
        const state = readState(text, 1);
        expect(state && packState(state)).to.equal(text);
        expect(text.length, text).to.be.at.most(120);
      }
    }
  });

  it('counts as not known where it is damaged or of another release, and meets nothing then', () => {
    const definition = alertOf({ on: 'drop' });
    const damaged = ['', '{', 'null', '{}', '[]', '["x"]', `[${START},9]`, `[${START},0,"USD",[["x","1"]]]`];
    damaged.push(`[${START},0,"USD",[],[],["h1"]]`, `[${START},0,"USD",[],[],[{}]]`, `[${START},0,1]`);
    for (const text of [...damaged, null, undefined]) {
      expect(readState(text, 1), String(text)).to.equal(undefined);
      expect(readTwin(text, 1)).to.equal(undefined);
      expect(readShared(text, definition)).to.deep.equal(noneShared(definition));
    }
    expect(readShared('[{"USD":"x","EUR":"1@a"}]', definition).lows[0]).to.deep.equal({ EUR: [[10, 1n]] });
    const known = { state: undefined, twin: undefined, shared: noneShared(definition), isBaseline: false };
    const { met } = judge(definition, answer(START), { ...known, now: START, ttlMs: MONTH_MS });
    expect(met).to.deep.equal([]);
  });
});
