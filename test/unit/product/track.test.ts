import { expect } from 'chai';
import fc from 'fast-check';
import type { Money } from '../../../src/product/money.ts';
import {
  compareWithTrack,
  isWhollyKnown,
  type Observation,
  type Remembered,
  type Track,
} from '../../../src/product/track.ts';

const EMPTY: Track = { established: false, lastWhole: null, items: new Map() };
const T0 = Date.UTC(2026, 0, 1);

const usd = (value: string): Money => ({ value, currency: 'USD' });

/** A whole run at a minute, over items and their totals. */
function run(
  minute: number,
  totals: Record<string, Money | null>,
  change: Partial<Observation> = {},
): Observation {
  const began = T0 + minute * 60_000;
  const observedAt = new Date(began).toISOString();
  const products = Object.entries(totals).map(([itemId, total]) => ({ itemId, total, observedAt }));
  return { products, listed: new Set(Object.keys(totals)), began, complete: true, whole: true, ...change };
}

/** The track after a run, as Redis would hold it. */
function learn(track: Track, observation: Observation): Track {
  const { after } = compareWithTrack(track, observation);
  return { ...after, items: new Map([...track.items, ...after.items]) };
}

function verdictOf(track: Track, observation: Observation) {
  const { marks, gone } = compareWithTrack(track, observation).verdict;
  return { marks: Object.fromEntries(marks), gone };
}

describe('what a track says of a search', () => {
  const known = learn(EMPTY, run(0, { a: usd('10.00'), b: usd('20.00'), c: null }));

  it('is nothing the first time, not that all is new', () => {
    expect(verdictOf(EMPTY, run(0, { a: usd('10.00') }))).to.deep.equal({ marks: { a: null }, gone: [] });
  });

  it('is nothing either until one search was complete: what a partial one missed is not new', () => {
    const partly = learn(EMPTY, run(0, { a: usd('1.00') }, { complete: false, whole: false }));
    expect(verdictOf(partly, run(1, { a: usd('1.00'), b: usd('2.00') })).marks).to.deep.equal({
      a: null,
      b: null,
    });
  });

  it('is new, price-dropped, price-rose, same and gone', () => {
    const observation = run(1, { a: usd('9.99'), c: null, d: usd('1.00') });
    expect(verdictOf(known, observation)).to.deep.equal({
      marks: { a: 'price-dropped', c: 'same', d: 'new' },
      gone: ['b'],
    });
    expect(verdictOf(known, run(1, { b: usd('20.01') })).marks).to.deep.equal({ b: 'price-rose' });
  });

  it('is all new after a first search that was complete and found nothing', () => {
    const track = learn(EMPTY, run(0, {}));
    expect(verdictOf(track, run(1, { a: usd('1.00') })).marks).to.deep.equal({ a: 'new' });
  });

  it('is the same where a price is unknown or in another currency', () => {
    expect(
      verdictOf(known, run(1, { a: null, b: { value: '1.00', currency: 'EUR' }, c: usd('5.00') })).marks,
    ).to.deep.equal({
      a: 'same',
      b: 'same',
      c: 'same',
    });
  });

  it('compares with the last known price when one was unknown in between', () => {
    const track = learn(known, run(1, { a: null, b: usd('20.00'), c: null }));
    expect(verdictOf(track, run(2, { a: usd('9.00') })).marks).to.deep.equal({ a: 'price-dropped' });
  });

  it('lists as gone once, and takes what comes back for known', () => {
    const without = learn(known, run(1, { a: usd('10.00'), c: null }));
    expect(verdictOf(without, run(2, { a: usd('10.00'), c: null })).gone).to.deep.equal([]);
    expect(verdictOf(without, run(2, { b: usd('20.00') })).marks).to.deep.equal({ b: 'same' });
  });

  it('lists nothing as gone after a search that did not see the whole listing, and all of it after the next', () => {
    const partial = run(1, { a: usd('10.00') }, { complete: false, whole: false });
    expect(verdictOf(known, partial).gone).to.deep.equal([]);
    expect(verdictOf(learn(known, partial), run(2, { a: usd('10.00') })).gone).to.have.members(['b', 'c']);
  });

  it('does not list as gone what is listed but not delivered', () => {
    expect(
      verdictOf(known, run(1, { a: usd('10.00') }, { listed: new Set(['a', 'b', 'c']) })).gone,
    ).to.deep.equal([]);
  });

  it('leaves alone what another search saw later than this one', () => {
    const later = learn(known, run(5, { a: usd('5.00'), b: usd('20.00'), c: null, d: usd('1.00') }));
    const { verdict, after } = compareWithTrack(later, run(1, { a: usd('10.00') }));
    expect(Object.fromEntries(verdict.marks)).to.deep.equal({ a: 'same' });
    expect(verdict.gone).to.deep.equal([]);
    expect(after.items.get('a')?.total).to.deep.equal(usd('5.00'));
    expect(after.lastWhole).to.equal(later.lastWhole);
  });

  const amount = fc.integer({ min: 1, max: 99_999 }).map((cents) => usd((cents / 100).toFixed(2)));
  const totals = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.option(amount), { maxKeys: 8 });

  it('is nothing new when it is asked again', () => {
    fc.assert(
      fc.property(totals, totals, (before, now) => {
        const track = learn(EMPTY, run(0, before));
        const first = compareWithTrack(track, run(1, now));
        const again = compareWithTrack(learn(track, run(1, now)), { ...run(1, now), before: first.verdict });
        expect(again.verdict).to.deep.equal(first.verdict);
        expect(again.after.items.size).to.equal(0);
        const next = verdictOf(learn(track, run(1, now)), run(2, now));
        expect(new Set(Object.values(next.marks))).to.satisfy(
          (marks: Set<string>) => marks.size === 0 || (marks.size === 1 && marks.has('same')),
        );
        expect(next.gone).to.deep.equal([]);
      }),
    );
  });

  it('is the same whether the search came in one piece or in two', () => {
    fc.assert(
      fc.property(totals, totals, fc.nat(8), (before, now, cutAt) => {
        const track = learn(EMPTY, run(0, before));
        const first = run(1, Object.fromEntries(Object.entries(now).slice(0, cutAt)), {
          complete: false,
          whole: false,
        });
        const { verdict } = compareWithTrack(track, first);
        const inTwo = compareWithTrack(learn(track, first), { ...run(1, now), before: verdict });
        const inOne = compareWithTrack(track, run(1, now));
        expect(Object.fromEntries(inTwo.verdict.marks)).to.deep.equal(
          Object.fromEntries(inOne.verdict.marks),
        );
        expect(inTwo.verdict.gone).to.have.members(inOne.verdict.gone);
      }),
    );
  });
});

describe('a page', () => {
  const items = new Map<string, Remembered>([['a', { total: null, lastSeen: T0 }]]);

  it('is wholly known when it has items and all are remembered by an established track', () => {
    expect(isWhollyKnown({ established: true, lastWhole: null, items }, ['a'])).to.equal(true);
    expect(isWhollyKnown({ established: true, lastWhole: null, items }, ['a', 'b'])).to.equal(false);
    expect(isWhollyKnown({ established: true, lastWhole: null, items }, [])).to.equal(false);
    expect(isWhollyKnown({ established: false, lastWhole: null, items }, ['a'])).to.equal(false);
  });
});
