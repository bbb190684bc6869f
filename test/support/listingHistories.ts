import { ALERT_CONDITIONS, type AlertCondition } from '../../src/product/alertSchema.ts';
import { fitsAlert, type SeenListing } from '../../src/queue/alerts/conditions.ts';
import { parseAlert } from '../../src/queue/alerts/definition.ts';
import { type Random, randomFrom } from '../../src/simulator/random.ts';
import { AlertMemory, type Shown, shownAs } from './alertAnswers.ts';

/*
 * Histories of listings as sellers make them, with labels. A seller's life is made first, as a list of what he does on which
 * day; what he does carries the label. Answers of eBay are made of it afterwards, with what only an observer meets: searches
 * at fixed hours, shipping that is not named, item calls that fail, rates, listings left out of a page. Labels know nothing
 * of prices compared or states kept: "the price was cut by 12 %" is wanted by a person with a `drop`, whatever was seen.
 */

/** Conditions as a person writes them, with nothing but what they need. */
export const ALERTS: Record<AlertCondition, object> = {
  new: { on: 'new' },
  gone: { on: 'gone' },
  'back-in-stock': { on: 'back-in-stock' },
  'stock-below': { on: 'stock-below', quantity: 3 },
  'price-below': { on: 'price-below', price: '80.00', currency: 'USD' },
  drop: { on: 'drop' },
  rise: { on: 'rise' },
  lowest: { on: 'lowest', of: 'listing' },
};

/** The person's `price-below`, minor units. */
const LIMIT = 8000;
const HOUR = 3_600_000;
const DAYS = 30;
/** Of the conditions `drop`, `rise` and `lowest` without numbers, as the docs say. */
const NOTABLE = 0.01;
const SEARCHES_A_DAY = 4;
const START = Date.UTC(2026, 2, 2);
/** What happened is wanted to be known by then: the next search, and one more where that one missed the listing. */
const PATIENCE = 3 * (24 / SEARCHES_A_DAY) * HOUR;

/** Something that a person with this alert wants to know, at the time at which the seller did it. */
export interface Wanted {
  on: AlertCondition;
  itemId: string;
  at: number;
}

export interface LabelledHistory {
  kind: string;
  answers: SeenListing[];
  /** Numbers of the answers of the first look. */
  baseline: number;
  wanted: Wanted[];
}

interface Offer extends Omit<Shown, 'item'> {
  item: number;
  quantity: number;
  state: 'there' | 'out' | 'gone';
}

type Act = { at: number; itemId: string; change: Partial<Offer>; labels: AlertCondition[] };

const day = (n: number, random: Random) => START + n * 24 * HOUR + Math.floor(random() * 20 * HOUR);
const part = (units: number, least: number, most: number, random: Random) =>
  Math.round(units * (least + random() * (most - least)));

/** What a seller does with one listing, from an offer on; labels by the seller's own intent. */
type Seller = (offer: Offer, itemId: string, random: Random) => Act[];

/** A cut that he advertises: 6 to 35 per cent. Whether it crosses the limit or is his lowest, he knows. */
function cutTo(former: number, to: number, isLowest: boolean, { shipping }: Offer): AlertCondition[] {
  const isUnderLimit = to + (shipping ?? 0) < LIMIT && former + (shipping ?? 0) >= LIMIT;
  return [
    'drop',
    ...(isUnderLimit ? ['price-below' as const] : []),
    ...(isLowest ? ['lowest' as const] : []),
  ];
}

const SELLERS: Record<string, Seller> = {
  /** Nothing happens. */
  quiet: () => [],
  /** A repricer that follows others by cents, and comes back. */
  pennies: ({ item }, itemId, random) =>
    Array.from({ length: 40 }, () => ({
      at: day(1 + random() * 27, random),
      itemId,
      change: { item: item - Math.floor(random() * 6) },
      labels: [],
    })),
  /** A sale of some days, and the old price again. A second sale to the same price is none of its lowest prices. */
  sale: (offer, itemId, random) => {
    const { item } = offer;
    const low = item - part(item, 0.06, 0.35, random);
    return [
      { at: day(4, random), itemId, change: { item: low }, labels: cutTo(item, low, true, offer) },
      { at: day(8, random), itemId, change: { item }, labels: ['rise'] },
      { at: day(18, random), itemId, change: { item: low }, labels: cutTo(item, low, false, offer) },
      { at: day(22, random), itemId, change: { item }, labels: ['rise'] },
    ];
  },
  /** A price that flips every seven hours for a day: one alert is wanted of each kind, not four. */
  flapping: (offer, itemId, random) => {
    const { item } = offer;
    const low = item - part(item, 0.06, 0.2, random);
    const from = day(6, random);
    const labels: AlertCondition[][] = [cutTo(item, low, true, offer), ['rise']];
    return Array.from({ length: 4 }, (_, n) => ({
      at: from + n * 7 * HOUR,
      itemId,
      change: { item: n % 2 === 0 ? low : item },
      labels: labels[n] ?? [],
    }));
  },
  /**
   * 0.4 per cent each day, at the same hour. The person wants to know each time that it adds up to what the condition says. Two
   * cuts between the same two looks would be one cut to everybody, from which the next sum would begin.
   */
  decline: ({ item, shipping }, itemId, random) => {
    const acts: Act[] = [];
    const more = shipping ?? 0;
    const hour = Math.floor(random() * 20) * HOUR;
    let price = item;
    let reported = item + more;
    for (let n = 2; n < 26; n += 1) {
      const before = price;
      price -= part(item + more, 0.0038, 0.0042, random);
      const isNews = price + more <= reported * (1 - NOTABLE);
      const labels: AlertCondition[] = isNews ? ['drop', 'lowest'] : [];
      if (isNews) reported = price + more;
      if (price + more < LIMIT && before + more >= LIMIT) labels.push('price-below');
      acts.push({ at: START + n * 24 * HOUR + hour, itemId, change: { item: price }, labels });
    }
    return acts;
  },
  /** A program that goes along with others, by less than half a per cent in each direction. */
  repricer: ({ item }, itemId, random) =>
    Array.from({ length: 24 }, (_, n) => ({
      at: day(2 + n, random),
      itemId,
      change: { item: item + part(item, -0.0045, 0.0045, random) },
      labels: [],
    })),
  /** Sold out for some days, and restocked. */
  restock: ({ quantity }, itemId, random) => [
    { at: day(5, random), itemId, change: { state: 'out', quantity: 0 }, labels: [] },
    {
      at: day(11, random),
      itemId,
      change: { state: 'there', quantity: quantity + 20 },
      labels: ['back-in-stock'],
    },
  ],
  /** Sells one after the other, from 10 down to 1. */
  sellsOff: (_, itemId, random) => {
    const from = 2 + Math.floor(random() * 5);
    return Array.from({ length: 9 }, (_, n) => ({
      at: day(from + 2 * n, random),
      itemId,
      change: { quantity: 9 - n },
      labels: n === 7 ? ['stock-below'] : [],
    }));
  },
  /** Ends. */
  ends: (_, itemId, random) => [
    { at: day(9 + random() * 10, random), itemId, change: { state: 'gone' }, labels: ['gone'] },
  ],
  /** Ends, and is back under its number. */
  returns: (_, itemId, random) => [
    { at: day(7, random), itemId, change: { state: 'gone' }, labels: ['gone'] },
    { at: day(15, random), itemId, change: { state: 'there' }, labels: ['back-in-stock'] },
  ],
  /** Shipping by carrier for some answers: nothing has changed. */
  carrier: ({ shipping }, itemId, random) =>
    Array.from({ length: 12 }, (_, n) => ({
      at: day(2 + 2 * n, random),
      itemId,
      change: { shipping: n % 2 === 0 ? null : shipping },
      labels: [],
    })),
  /** Free shipping becomes ten dollars: the delivered price rises. */
  shippingUp: (_, itemId, random) => [
    { at: day(12, random), itemId, change: { shipping: 1500 }, labels: ['rise'] },
  ],
  /** An auction's bids are no price. */
  bids: ({ item }, itemId, random) =>
    Array.from({ length: 6 }, (_, n) => ({
      at: day(2 + n, random),
      itemId,
      change: { item: Math.max(1, item - 100 * n) },
      labels: [],
    })),
};

interface Made {
  acts: Act[];
  offers: Map<string, Offer>;
  /** Listings that show one of these numbers in turn. */
  variations?: string[];
  isAuction?: boolean;
  rateOf?: (at: number) => { currency: string; rate: number };
}

/** @param index its number in the set, of which its item ids are made */
function make(kind: string, index: number, random: Random): Made {
  const itemId = (n = 0, variation = 0) => `v1|${11_0000_000000 + index * 10 + n}|${variation}`;
  const item = 8500 + Math.floor(random() * 9000);
  const offer: Offer = { item, shipping: random() < 0.6 ? 0 : 599, quantity: 10, state: 'there' };
  const image = `https://i.ebayimg.example/g/${index}/s-l225.jpg`;
  const goods = { ...offer, image, title: `Camera lens 50mm f/1.8 number ${index}` };
  const one = new Map([[itemId(), goods]]);
  if (kind === 'posted' || kind === 'postedCheap') {
    const isCheap = kind === 'postedCheap';
    const price = isCheap ? part(LIMIT, 0.4, 0.95, random) : item;
    const labels: AlertCondition[] = isCheap ? ['new', 'price-below'] : ['new'];
    const hidden: Offer = { ...goods, item: price, shipping: 0, state: 'gone' };
    const at = day(2 + random() * 25, random);
    return {
      offers: new Map([[itemId(), hidden]]),
      acts: [{ at, itemId: itemId(), change: { state: 'there' }, labels }],
    };
  }
  if (kind === 'reposted' || kind === 'repostedCheap') {
    // The same goods under a new number each week. It is not new, and where it was cheap it is no cheaper.
    const price = kind === 'reposted' ? item : part(LIMIT, 0.4, 0.95, random);
    const numbers = [0, 1, 2, 3].map((n) => itemId(n));
    const offers = new Map(
      numbers.map((id, n): [string, Offer] => [
        id,
        { ...goods, shipping: 0, item: price, state: n === 0 ? 'there' : 'gone' },
      ]),
    );
    const acts = numbers.slice(1).flatMap((id, n): Act[] => {
      const at = day(6 + 7 * n, random);
      const former = numbers[n] as string;
      return [
        { at, itemId: former, change: { state: 'gone' }, labels: ['gone'] },
        { at: at + HOUR, itemId: id, change: { state: 'there' }, labels: [] },
      ];
    });
    return { offers, acts };
  }
  if (kind === 'variations') {
    const numbers = [1, 2, 3].map((variation) => itemId(0, variation));
    const offers = new Map(
      numbers.map((id, n): [string, Offer] => [id, { ...goods, item: item + n * 1500 }]),
    );
    return { offers, acts: [], variations: numbers };
  }
  if (kind === 'abroad') {
    const phase = random() * 6;
    const rateOf = (at: number) => ({
      currency: 'USD',
      rate: 1.15 + 0.06 * Math.sin(at / (40 * HOUR) + phase),
    });
    const foreign: Offer = { ...goods, currency: 'EUR', item: item + 2000 };
    return { offers: new Map([[itemId(), foreign]]), acts: [], rateOf };
  }
  if (kind === 'accessory') {
    const hidden: Offer = { ...goods, title: `Case for camera lens ${index}`, item: 900, state: 'gone' };
    const at = day(5, random);
    const acts: Act[] = [
      { at, itemId: itemId(), change: { state: 'there' }, labels: [] },
      { at: at + 5 * 24 * HOUR, itemId: itemId(), change: { item: 600 }, labels: [] },
    ];
    return { offers: new Map([[itemId(), hidden]]), acts };
  }
  const seller = SELLERS[kind] as Seller;
  return { offers: one, acts: seller(goods, itemId(), random), isAuction: kind === 'bids' };
}

/** How often each kind is in the set. Most listings do nothing, and many do what nobody wants to hear of. */
const KINDS: Array<[kind: string, share: number]> = [
  ...['quiet', 'pennies', 'repricer', 'carrier', 'variations', 'abroad'].map((kind): [string, number] => [
    kind,
    4,
  ]),
  ...['sale', 'ends', 'posted', 'postedCheap', 'reposted', 'repostedCheap'].map((kind): [string, number] => [
    kind,
    3,
  ]),
  ...['flapping', 'decline', 'restock', 'sellsOff', 'returns', 'shippingUp'].map((kind): [string, number] => [
    kind,
    3,
  ]),
  ...['bids', 'accessory'].map((kind): [string, number] => [kind, 2]),
];

/** The sets are the same each time. */
export function* labelledHistories(count: number, seed: number): Generator<LabelledHistory> {
  const random = randomFrom(seed);
  const all = KINDS.flatMap(([kind, share]) => Array.from({ length: share }, () => kind));
  for (let index = 0; index < count; index += 1) {
    const kind = all[Math.floor(random() * all.length)] as string;
    const made = make(kind, index, random);
    const wanted = made.acts.flatMap(({ at, itemId, labels }) => labels.map((on) => ({ on, itemId, at })));
    yield { kind, ...observed(made, random), wanted };
  }
}

/** What a track with details sees of the listings, four times a day. */
function observed({ acts, offers, variations, isAuction, rateOf }: Made, random: Random) {
  const answers: SeenListing[] = [];
  const ahead = acts.toSorted((one, other) => one.at - other.at);
  const present = new Map(offers);
  /** Of each number: whether the track has it, and whether it has reported that it is gone. */
  const known = new Map<string, 'there' | 'gone'>();
  // Item calls name another way of shipping for some listings.
  const dearer = random() < 0.2 ? 100 : 0;
  let baseline = 0;
  for (let search = 0; search < DAYS * SEARCHES_A_DAY; search += 1) {
    const at = START + search * (24 / SEARCHES_A_DAY) * HOUR + Math.floor(random() * HOUR);
    while (ahead[0] !== undefined && ahead[0].at <= at) {
      const { itemId, change } = ahead.shift() as Act;
      present.set(itemId, { ...(present.get(itemId) as Offer), ...change });
    }
    const shown = variations?.[Math.floor(random() * variations.length)];
    for (const [itemId, offer] of present) {
      // Part of the pages fails, or eBay leaves a listing out.
      if (search > 0 && random() < 0.04) continue;
      if (shown !== undefined && shown !== itemId) continue;
      const none = { itemId, at, isNew: false, isOut: false, quantity: null, moreThan: null };
      if (offer.state === 'gone') {
        if (known.get(itemId) === 'there') answers.push({ ...none, product: null, source: 'search' });
        if (known.has(itemId)) known.set(itemId, 'gone');
        continue;
      }
      const hasItemAnswer = random() < 0.9;
      const isOut = offer.state === 'out' && hasItemAnswer;
      const { item, shipping, ...rest } = offer;
      const product = shownAs(itemId, {
        ...rest,
        item: isAuction ? null : item,
        shipping: shipping === null ? null : shipping + (hasItemAnswer ? dearer : 0),
        ...(rateOf && { converted: rateOf(at) }),
      });
      const isNew = search > 0 && !known.has(itemId) && shown === undefined;
      known.set(itemId, 'there');
      const source = hasItemAnswer ? 'item' : 'search';
      const quantity = hasItemAnswer ? offer.quantity : null;
      answers.push({ ...none, product, source, isNew, isOut, quantity });
    }
    if (search === 0) baseline = answers.length;
  }
  return { answers, baseline };
}

/** Of one condition: how many were wanted, how many of these were sent, and how many were sent that nobody wanted. */
export interface LabelledResult {
  wanted: number;
  found: number;
  sent: number;
  unwanted: number;
}

/** Judges all histories with one alert that has every condition at its defaults. @param other conditions in their place */
export function judgeLabelled(count: number, seed: number, other: Partial<typeof ALERTS> = {}) {
  const parsed = parseAlert({
    name: 'labelled',
    track: 'labelled',
    when: Object.values({ ...ALERTS, ...other }),
    title: { exclude: ['case'] },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const fits = fitsAlert(parsed.definition);
  const results = Object.fromEntries(
    ALERT_CONDITIONS.map((on) => [on, { wanted: 0, found: 0, sent: 0, unwanted: 0 }]),
  ) as Record<AlertCondition, LabelledResult>;
  const wrong: Array<{
    kind: string;
    on: AlertCondition;
    what: 'unwanted' | 'missed';
    itemId: string;
    at: number;
  }> = [];
  for (const { kind, answers, baseline, wanted } of labelledHistories(count, seed)) {
    const memory = new AlertMemory(parsed.definition);
    const sent = answers.flatMap((seen, index) =>
      seen.product === null || fits(seen.product)
        ? memory
            .see(seen, { isBaseline: index < baseline })
            .met.map(({ on }) => ({ on: on as AlertCondition, itemId: seen.itemId, at: seen.at }))
        : [],
    );
    const left = new Set(sent);
    for (const each of wanted) {
      const isIt = ({ on, itemId, at }: Wanted) =>
        on === each.on && itemId === each.itemId && at >= each.at && at <= each.at + PATIENCE;
      const found = [...left].find(isIt);
      results[each.on].wanted += 1;
      if (found === undefined) wrong.push({ ...each, kind, what: 'missed' });
      else results[each.on].found += 1;
      if (found !== undefined) left.delete(found);
    }
    for (const each of sent) results[each.on].sent += 1;
    for (const each of left) {
      results[each.on].unwanted += 1;
      wrong.push({ ...each, kind, what: 'unwanted' });
    }
  }
  return { results, wrong };
}
