import type { AlertMessage, Hit } from '../../../product/alertMessage.ts';
import type { AlertCondition } from '../../../product/alertSchema.ts';
import { countText, durationText, instantText, moneyText, numberText } from '../../../product/inWords.ts';
import { listingNamed } from '../../../product/itemReference.ts';
import { compare, type Money, minorUnits } from '../../../product/money.ts';
import { cut } from '../../../product/schemaErrors.ts';
import type { TemplateView } from './template.ts';

/*
 * What a message says to people, as plain text without markup: each channel escapes it and gives it its form. Titles are
 * written by sellers and may hold anything.
 */

/** One listing of a message. */
export interface Entry {
  /** `Price drop`. */
  event: string;
  /** Good news for somebody who wants to buy: it decides the colour. */
  isGood: boolean;
  /** The listing's title, or `Item 123` where it is no longer kept. */
  title: string;
  /** Address of the listing; null: none that may be shown. */
  url: string | null;
  image: string | null;
  /** The price, where it may be shown. */
  price: Price | null;
  /** What is to be said instead of a price; empty: there is one. */
  withoutPrice: string;
  /** Condition, quantity, the caller's columns: one line; may be empty. */
  facts: string;
  /** Since when the price is known, where that is not just now; may be empty. */
  age: string;
  view: TemplateView;
}

export interface Price {
  /** `Delivered` or `Item price`. */
  label: string;
  from: string | null;
  to: string;
  /** `−11 %`; null: there is no price before, or it is the same. */
  change: string | null;
  isLower: boolean;
}

export interface Words {
  /** One line: a mail's subject, a notification's title. */
  heading: string;
  /** Sentences before the listings; empty where the heading says all. */
  intro: string[];
  entries: Entry[];
  /** Which alert this is from; empty of a test. */
  source: string;
  view: TemplateView;
}

/** What happened: as a label, of several, and what stands between the label and the price in a heading. */
const EVENTS: Readonly<Record<AlertCondition, [one: string, many: string, priced: string]>> = {
  new: ['New listing', 'new listings', ' at '],
  gone: ['No longer for sale', 'no longer for sale', ''],
  'back-in-stock': ['Back in stock', 'back in stock', ' at '],
  'stock-below': ['Low stock', 'low in stock', ' at '],
  'price-below': ['Below your price', 'below your price', ', '],
  drop: ['Price drop', 'price drops', ' to '],
  rise: ['Price rise', 'price rises', ' to '],
  lowest: ['Lowest price so far', 'lowest prices so far', ', '],
};
const NOT_GOOD: ReadonlySet<AlertCondition> = new Set(['gone', 'stock-below', 'rise']);

/** A title of eBay has at most 80 characters; this is for texts that break the rule. */
const LONGEST_TITLE = 120;
const LONGEST_COLUMN = 60;
/** In the usual words. A template names those that it shows. */
const MOST_COLUMNS = 6;
const HOUR_MS = 3_600_000;

/** @param now ms since the epoch */
export function wordsOf(message: AlertMessage, now: number): Words {
  const entries = message.hits.map((hit) => entryOf(hit, message, now));
  const source = sourceOf(message);
  const [first] = entries;
  const view = { ...(first?.view ?? emptyView(message)), count: String(entries.length) };
  return { ...headed(message, entries), entries, source, view };
}

function headed(message: AlertMessage, entries: Entry[]): Pick<Words, 'heading' | 'intro'> {
  const { kind, alert, matching, withheld, hits } = message;
  const [first] = entries;
  switch (kind) {
    case 'test':
      return {
        heading: 'Test message',
        intro: ['This channel works. Alerts of dropship-product-finder will arrive here.'],
      };
    case 'baseline':
      return {
        heading: `Alert ${alert} is on`,
        intro: [
          `${countText(matching, 'listing')} ${matching === 1 ? 'meets' : 'meet'} it already. From now on you learn of every new one.`,
          ...(entries.length === 0
            ? []
            : [entries.length === 1 ? 'The cheapest:' : `The ${entries.length} cheapest:`]),
        ],
      };
    case 'withheld': {
      const counts = Object.entries(withheld);
      const total = counts.reduce((sum, [, count]) => sum + count, 0);
      const named = counts.map(([on, count]) => countOf(on, count)).join(', ');
      return {
        heading: `${countText(total, 'more alert')} of ${alert} today`,
        intro: [`The alert’s daily limit kept them back: ${named}. Raise dailyCap to receive more.`],
      };
    }
    default: {
      if (first === undefined) return { heading: `Alert ${alert}`, intro: [] };
      if (entries.length === 1) {
        const [, , priced] = EVENTS[hits[0]?.on ?? 'new'];
        const price = first.price === null || priced === '' ? '' : `${priced}${first.price.to}`;
        return { heading: `${first.event}${price}: ${first.title}`, intro: [] };
      }
      const counts = new Map<string, number>();
      for (const { on } of hits) counts.set(on, (counts.get(on) ?? 0) + 1);
      return { heading: [...counts].map(([on, count]) => countOf(on, count)).join(', '), intro: [] };
    }
  }
}

function countOf(on: string, count: number): string {
  const [one, many] = EVENTS[on as AlertCondition] ?? [on, on];
  return `${numberText(count)} ${count === 1 ? one.toLowerCase() : many}`;
}

function sourceOf({ alert, track, schedule, watchlist }: AlertMessage): string {
  const from =
    watchlist !== null
      ? `watchlist ${watchlist}`
      : schedule !== null
        ? `schedule ${schedule}`
        : track !== null
          ? `track ${track}`
          : '';
  return alert === '' ? '' : ['Alert', alert, from && `· ${from}`].filter(Boolean).join(' ');
}

function entryOf(hit: Hit, message: AlertMessage, now: number): Entry {
  const number = listingNamed(hit.itemId);
  const title = hit.title === null ? '' : tidy(hit.title, LONGEST_TITLE);
  const price = hit.priceDisplay === null && hit.to !== null ? priceOf(hit, hit.to) : null;
  const withoutPrice =
    hit.priceDisplay !== null
      ? 'See the price on eBay'
      : hit.to === null && hit.on !== 'gone'
        ? 'The price is not known'
        : '';
  const [event] = EVENTS[hit.on];
  const left =
    hit.quantity === null ? '' : hit.quantity === 0 ? 'sold out' : `${numberText(hit.quantity)} left`;
  const condition = hit.condition === null ? '' : tidy(hit.condition, LONGEST_COLUMN);
  const columns = Object.entries(hit.columns ?? {}).map(
    ([name, value]) => [tidy(name, LONGEST_COLUMN), tidy(value, LONGEST_COLUMN)] as const,
  );
  const shown = columns.slice(0, MOST_COLUMNS).map(([name, value]) => `${name}: ${value}`);
  const old = now - Date.parse(hit.at);
  const age = old < HOUR_MS ? '' : `Seen ${instantText(hit.at)}, ${durationText(old)} before this message`;
  const url = webAddress(hit.url);
  const facts = [condition, left, ...shown].filter(Boolean).join(' · ');
  return {
    event,
    isGood: !NOT_GOOD.has(hit.on),
    title: title === '' ? `Item ${number}` : title,
    url,
    image: webAddress(hit.image),
    price,
    withoutPrice,
    facts,
    age,
    view: {
      ...emptyView(message),
      event,
      title: title === '' ? `Item ${number}` : title,
      price: price?.to ?? withoutPrice,
      before: price?.from ?? '',
      basis: price === null ? '' : price.label.toLowerCase(),
      condition,
      quantity: hit.quantity === null ? '' : String(hit.quantity),
      seen: instantText(hit.at),
      item: number,
      url: url ?? '',
      columns: Object.fromEntries(columns),
    },
  };
}

function emptyView(message: AlertMessage): TemplateView {
  const source = message.watchlist ?? message.schedule ?? message.track ?? '';
  return {
    alert: message.alert,
    source,
    count: '1',
    event: '',
    title: '',
    price: '',
    before: '',
    basis: '',
    condition: '',
    quantity: '',
    seen: '',
    item: '',
    url: '',
    columns: {},
  };
}

function priceOf({ from, basis }: Hit, to: Money): Price {
  const order = from === null ? null : compare(to, from);
  const before = from === null || order === null || order === 0 ? null : from;
  return {
    label: basis === 'item' ? 'Item price' : 'Delivered',
    from: before === null ? null : moneyText(before),
    to: moneyText(to),
    change: before === null ? null : changeText(before, to),
    isLower: order !== null && order < 0,
  };
}

/** `−11 %`; below a tenth of a per cent null. */
export function changeText(from: Money, to: Money): string | null {
  const [before, after] = [minorUnits(from.value, from.currency), minorUnits(to.value, to.currency)];
  if (before === null || after === null || before === 0n) return null;
  const percent = (Number(after - before) / Number(before)) * 100;
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  const text = Math.abs(percent).toLocaleString('en-US', { maximumFractionDigits: digits });
  return text === '0' ? null : `${percent < 0 ? '−' : '+'}${text} %`;
}

/** What is invisible, reverses the text or ends a line. */
const UNSEEN =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Co}\p{Cn}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]+/gu;

/** One line of visible text of at most so many characters. */
export function tidy(text: string, longest: number): string {
  const line = text.normalize('NFC').replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
  return line.length <= longest ? line : `${cut(line, longest - 1).trimEnd()}…`;
}

/** An address that a message may link to or show; null for anything but http and https. */
function webAddress(text: string | null): string | null {
  if (text === null || text.length > 2000 || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') return null;
  // What ends an address in some markup; the meaning stays the same.
  const rest = url.href.slice(url.origin.length);
  return (
    url.origin +
    rest.replace(/['()*|<>"`\\^{}[\]]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
  );
}

/** The escaped text, cut between characters as people see them so that it has at most so many code units. */
export function shortened(text: string, longest: number, escaped: (text: string) => string): string {
  const whole = escaped(text);
  if (whole.length <= longest) return whole;
  let kept = '';
  for (const { segment } of new Intl.Segmenter('en').segment(text)) {
    const next = kept + escaped(segment);
    if (next.length > longest - 1) break;
    kept = next;
  }
  return `${kept.trimEnd()}…`;
}

/** The price as one line of plain text: `Delivered: $449.00 → $399.00 (−11 %)`, or what stands in its place. */
export function priceLine({ price, withoutPrice }: Entry): string {
  if (price === null) return withoutPrice;
  const { label, from, to, change } = price;
  const before = from === null ? '' : `${from} → `;
  return `${label}: ${before}${to}${change === null ? '' : ` (${change})`}`;
}

/**
 * Listings as a list within a limit: with all details where they fit, else with fewer, else the first ones and how many more
 * there are.
 * @param line of one listing; `detail` 3: all, 2: without facts, 1: with a short title too, 0: with hardly a title
 * @param length of a text, as the limit counts it
 */
export function listed(
  entries: readonly Entry[],
  line: (entry: Entry, detail: number) => string,
  { most, length }: { most: number; length: (text: string) => number },
): string {
  let text = '';
  for (let detail = 3; detail >= 0; detail -= 1) {
    text = entries.map((entry) => line(entry, detail)).join('\n\n');
    if (length(text) <= most) return text;
  }
  for (let kept = entries.length - 1; kept > 0; kept -= 1) {
    const lines = entries.slice(0, kept).map((entry) => line(entry, 0));
    text = [...lines, `… and ${entries.length - kept} more`].join('\n\n');
    if (length(text) <= most) return text;
  }
  return countText(entries.length, 'listing');
}

/** Of a title at a level of `listed`. */
export const TITLE_LENGTHS = [20, 40, 120, 120] as const;
