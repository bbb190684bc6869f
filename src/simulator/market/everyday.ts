import type { MarketOptions } from './market.ts';

/** Words and new listings a day. Those of the catalogue's own listings: a search for them finds both. */
const QUERIES: readonly [words: string, perDay: number][] = [
  ['USB C Charger', 240],
  ['Phone Case', 400],
  ['Trading Card', 600],
  ['Vintage Camera', 60],
  ['Camping Tent', 40],
  ['Yoga Mat', 80],
  ['Building Blocks', 120],
  ['Drone', 30],
];
/** Leaf categories of shops: chargers, cases, film cameras, puzzles. */
const SHOPS = ['123417', '20349', '15230', '19183'];
/** Most is listed in the evening of American days. */
const RHYTHM = { amplitude: 0.7, peak: 0.08 };

/** A market of everyday goods, for `dpf simulate --market`. @param dayMs length of its day in ms */
export function everydayMarket(dayMs: number): MarketOptions {
  return {
    dayMs,
    queries: QUERIES.map(([words, perDay]) => ({
      words,
      perDay,
      listings: perDay * 2,
      rhythm: RHYTHM,
      bursts: { share: 0.05, factor: 6, hours: 3 },
    })),
    shops: SHOPS.map((category) => ({
      category,
      listings: 120,
      perDay: 4,
      changesPerDay: 40,
      rhythm: RHYTHM,
    })),
  };
}
