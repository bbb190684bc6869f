import { expect } from 'chai';
import fc from 'fast-check';
import { ALERT_CONDITIONS } from '../../../../src/product/alertSchema.ts';
import { AlertMemory, alertOf, shownAs } from '../../../support/alertAnswers.ts';
import { LONG } from '../../../support/long.ts';

/** `ALERT_HISTORIES=200000` runs more of them. */
const HISTORIES = Number(process.env.ALERT_HISTORIES ?? (LONG ? 2500 : 800));
const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const ITEM = 'v1|110000000001|0';

interface Step {
  hours: number;
  presence: 'there' | 'out' | 'gone';
  source: 'search' | 'item';
  item: number | null;
  shipping: number | null;
  /** Null: eBay says nothing. */
  quantity: number | null;
  /** An answer from before everything else arrives once more. */
  isLate: boolean;
  isTwice: boolean;
  /** Parts of a thousand. */
  rate: number;
}

interface Rule {
  on: string;
  basis: 'delivered' | 'item';
  percent?: number;
  amount?: number;
  price?: number;
  quantity?: number;
  isConverted: boolean;
  isNew: boolean;
  isBaseline: boolean;
  /** Hours. */
  rearm: number;
}

const price = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(1000, 999, 995, 980, 900, 950, 1100, 1050, 800, 1000, 120, 119) },
  { weight: 4, arbitrary: fc.integer({ min: 700, max: 1300 }) },
);
const step: fc.Arbitrary<Step> = fc.record({
  hours: fc.constantFrom(1, 5, 12, 30),
  presence: fc.constantFrom('there', 'there', 'there', 'there', 'there', 'there', 'out', 'gone'),
  source: fc.constantFrom('search', 'search', 'item'),
  item: fc.oneof({ weight: 12, arbitrary: price }, { weight: 1, arbitrary: fc.constant(null) }),
  shipping: fc.constantFrom(0, 0, 0, 0, 50, 50, null),
  quantity: fc.constantFrom(null, 1, 2, 3, 4, 9),
  isLate: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  isTwice: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  rate: fc.constantFrom(900, 950, 1100),
});
const rule: fc.Arbitrary<Rule> = fc
  .record({
    on: fc.constantFrom(...ALERT_CONDITIONS),
    basis: fc.constantFrom('delivered', 'item'),
    isConverted: fc.boolean(),
    isNew: fc.boolean(),
    isBaseline: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    rearm: fc.constantFrom(0, 6, 24, 100),
    least: fc.constantFrom({}, { percent: 5 }, { percent: 10 }, { amount: 60 }),
  })
  .map(({ least, ...each }) => ({
    ...each,
    ...(['drop', 'rise'].includes(each.on) && least),
    ...(each.on === 'price-below' && { price: 950 }),
    ...(each.on === 'stock-below' && { quantity: 3 }),
  }));

const shownUnits = (units: number, { isConverted }: Rule, { rate }: Step) =>
  isConverted ? Math.round((units * rate) / 1000) : units;

/** Numbers of the steps that are alerted, by what a reader of docs/alerts.md would say. Each step is worked out from the first. */
function expected(rule: Rule, answers: readonly Step[]): number[] {
  // A search does not say that a listing is sold out no more.
  const steps = [...answers];
  for (const [i, each] of steps.entries())
    if (steps[i - 1]?.presence === 'out' && each.presence === 'there' && each.source === 'search')
      steps[i] = { ...each, presence: 'out' };
  // What is gone before it was ever seen is not known.
  const first = steps.findIndex(({ presence }) => presence !== 'gone');
  if (first === -1) return [];
  const times = steps.map((_, i) => steps.slice(0, i + 1).reduce((sum, { hours }) => sum + hours, 0));
  const own = (i: number): number | null => {
    const { item, shipping, presence } = steps[i] as Step;
    if (presence !== 'there' || item === null) return null;
    if (rule.basis === 'item') return item;
    return shipping === null ? null : item + shipping;
  };
  const isMuch = (former: number, present: number) => {
    const change = rule.on === 'rise' ? present - former : former - present;
    if (change <= 0) return false;
    if (rule.amount !== undefined) return change >= rule.amount;
    if (rule.percent !== undefined) return change * 100 >= rule.percent * former;
    return change * 100 >= former && change >= 10;
  };
  const earlier = (i: number) => steps.map((_, j) => j).filter((j) => j >= first && j < i);
  /** How much shipping has changed since the first answer, by what either kind of answer says of itself. */
  const shippingSince = (i: number): number => {
    let sum = 0;
    const said: Partial<Record<Step['source'], number>> = {};
    for (const j of [...earlier(i), i]) {
      const { source, shipping, item, presence } = steps[j] as Step;
      if (presence !== 'there' || item === null || shipping === null) continue;
      const change = shipping - (said[source] ?? shipping);
      // The other kind of answer is out of date then.
      if (change !== 0) delete said[source === 'item' ? 'search' : 'item'];
      said[source] = shipping;
      sum += change;
    }
    return sum;
  };
  /** What the price of an earlier answer would be in the words of this one. */
  const inTermsOf = (i: number, j: number): number => {
    const [now, then] = [steps[i] as Step, steps[j] as Step];
    if (rule.basis === 'item') return then.item as number;
    return (then.item as number) + (now.shipping as number) - shippingSince(i) + shippingSince(j);
  };

  /** Whether something has happened, alerted or not. */
  const isNews = (i: number): boolean => {
    const { presence, quantity } = steps[i] as Step;
    const before = steps[i - 1]?.presence;
    const isFirst = i === first && rule.isNew;
    if (rule.on === 'gone') return presence === 'gone' && before !== 'gone' && i > first;
    if (presence !== 'there') return false;
    if (rule.on === 'new') return isFirst;
    if (rule.on === 'back-in-stock') return i > first && before !== 'there';
    if (rule.on === 'stock-below') {
      if (quantity === null || quantity >= 3) return false;
      const last = earlier(i).findLast((j) => steps[j]?.presence === 'there' && steps[j]?.quantity !== null);
      return last === undefined ? isFirst : (steps[last]?.quantity as number) >= 3;
    }
    const now = own(i);
    if (now === null) return false;
    const known = earlier(i).filter((j) => own(j) !== null);
    if (rule.on === 'price-below') {
      const isBelow = (j: number) => {
        const { item, shipping } = steps[j] as Step;
        const more = rule.basis === 'item' ? 0 : shownUnits(shipping as number, rule, steps[j] as Step);
        return shownUnits(item as number, rule, steps[j] as Step) + more < 950;
      };
      // Each kind of answer is compared with itself, since any of them last said that it has changed.
      const before = (j: number, since: number) =>
        known.findLast((k) => k < j && k >= since && steps[k]?.source === steps[j]?.source);
      let since = -1;
      for (const j of known) {
        const former = before(j, since);
        if (former !== undefined && isBelow(former) !== isBelow(j)) since = j;
      }
      const former = before(i, since);
      if (!isBelow(i)) return false;
      return former === undefined ? isFirst : !isBelow(former);
    }
    if (rule.on === 'lowest') {
      // A price counts as the lowest only where it is clearly below the one before.
      let level: number | undefined;
      for (const j of known)
        if (level === undefined || isMuch(inTermsOf(j, level), own(j) as number)) level = j;
      return level !== undefined && isMuch(inTermsOf(i, level), now);
    }
    const lastNews = known.findLast(isNewsOnce) ?? -1;
    const since = known.filter((j) => j >= lastNews).map((j) => inTermsOf(i, j));
    if (since.length === 0) return false;
    return isMuch(rule.on === 'drop' ? Math.max(...since) : Math.min(...since), now);
  };
  const worked = new Map<number, boolean>();
  const isNewsOnce = (i: number): boolean => {
    const answer = worked.get(i) ?? isNews(i);
    worked.set(i, answer);
    return answer;
  };

  const alerted: number[] = [];
  for (const i of [...earlier(steps.length)].filter(isNewsOnce)) {
    if (rule.isBaseline && i === first) continue;
    const last = alerted.at(-1);
    const isFurther =
      last !== undefined &&
      ['drop', 'rise', 'lowest'].includes(rule.on) &&
      isMuch(inTermsOf(i, last), own(i) as number);
    const hours =
      last === undefined ? Number.POSITIVE_INFINITY : (times[i] as number) - (times[last] as number);
    if (hours >= rule.rearm || isFurther) alerted.push(i);
  }
  return alerted;
}

function alerted(rule: Rule, steps: readonly Step[]): number[] {
  const { on, basis, percent, amount, price, quantity, isConverted, isNew, isBaseline, rearm } = rule;
  const cents = (units: number) => `${(units / 100).toFixed(2)}`;
  const condition = {
    on,
    ...(['price-below', 'drop', 'rise', 'lowest'].includes(on) && { basis }),
    ...(on === 'lowest' && { of: 'listing' }),
    ...(percent !== undefined && { percent }),
    ...(amount !== undefined && { amount: cents(amount), currency: 'USD' }),
    ...(price !== undefined && { price: cents(price), currency: isConverted ? 'EUR' : 'USD' }),
    ...(quantity !== undefined && { quantity }),
  };
  const memory = new AlertMemory(alertOf(condition, { rearm: rearm * 3600 }), 1e12);
  const found: number[] = [];
  let at = START;
  let hasFirst = false;
  for (const [i, each] of steps.entries()) {
    at += each.hours * HOUR;
    const { item, shipping, presence, source, rate } = each;
    const converted = isConverted ? { converted: { currency: 'EUR', rate: rate / 1000 } } : {};
    const product = presence === 'gone' ? null : shownAs(ITEM, { item, shipping, ...converted });
    const seen = {
      itemId: ITEM,
      at,
      product,
      source,
      isNew: isNew && !hasFirst,
      isOut: presence === 'out',
      quantity: each.quantity,
      moreThan: null,
    };
    const { met } = memory.see(seen, { isBaseline: isBaseline && !hasFirst });
    if (product !== null) hasFirst = true;
    found.push(...met.map(() => i));
    if (each.isTwice) expect(memory.see(seen).met).to.deep.equal([]);
    if (each.isLate && hasFirst) {
      const late = { ...seen, at: START, product: shownAs(ITEM, { item: 1, shipping: 0 }) };
      expect(memory.see(late, { now: at })).to.deep.equal({ met: [], matches: false });
    }
  }
  return found;
}

describe('the conditions of alerts over histories of a listing', function () {
  this.timeout(60_000 + HISTORIES * 20);

  it('are met where a plain reading of all of the history says so', () => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(rule, fc.array(step, { minLength: 1, maxLength: 14 }), (each, steps) => {
        const found = alerted(each, steps);
        counts.set(each.on, (counts.get(each.on) ?? 0) + found.length);
        expect(found, JSON.stringify(each)).to.deep.equal(expected(each, steps));
      }),
      { numRuns: HISTORIES, seed: 20 },
    );
    // Each condition was met often: no rule holds only where nothing happens.
    expect([...counts.values()].filter((count) => count > HISTORIES / 60)).to.have.lengthOf(8);
  });
});
