import type { News, NewsEntry } from '../../../events/news.ts';
import type { Money } from '../../../product/money.ts';
import { changeText } from '../../../queue/alerts/channels/words.ts';
import { dateOf } from '../../../queue/alerts/sendingTimes.ts';
import { durationText, moneyText, numberText } from '../../../text/values.ts';
import { sourceOf } from './newsFilter.ts';

/** What has changed, in words: `Cheaper`, `$6.99` → `$3.10 delivered`. */
export interface ChangeWords {
  label: string;
  /** For somebody who wants to buy. */
  tone: 'good' | 'bad' | 'plain';
  from?: string;
  to: string;
  /** `−56 %`. */
  percent?: string;
  /** Since when the former price is known: `2 h before`. */
  age?: string;
}

/** The parts of a name and what it names: `track:hubs`. */
export function nameOfSource(source: string): { kind: string; name: string } {
  const [kind = '', name = ''] = source.split(':');
  return { kind, name };
}

/** @param hidden eBay lets the price appear only later */
export function changeWords(event: News, hidden = isPriceHidden(event)): ChangeWords {
  const price = (total: Money | null) =>
    hidden ? 'eBay shows the price' : total === null ? 'delivered price unknown' : delivered(total);
  switch (event.type) {
    case 'search.failed':
      return { label: 'Look failed', tone: 'bad', to: event.error.message };
    case 'product.new':
      return { label: 'New', tone: 'good', to: price(event.product.total) };
    case 'product.gone':
      return { label: 'Gone', tone: 'bad', to: 'no longer listed' };
    case 'watchlist.ended':
      return { label: 'Ended', tone: 'bad', to: 'no longer for sale' };
    case 'watchlist.out-of-stock':
      return { label: 'Sold out', tone: 'bad', to: 'still listed, none left' };
    case 'watchlist.returned': {
      const before = event.from === 'ended' ? 'it had ended' : 'it was sold out';
      return { label: 'Back', tone: 'good', to: `${price(event.product.total)}; ${before}` };
    }
    case 'watchlist.quantity-changed':
      return { label: 'Stock', tone: 'plain', from: leftText(event.from), to: `${leftText(event.to)} left` };
    case 'watchlist.delivery-later': {
      const { from, to } = event;
      return { label: 'Arrives later', tone: 'bad', from: daysText(from.days), to: daysText(to.days) };
    }
    default: {
      const isLower = event.type.endsWith('.price-dropped');
      const tone = isLower ? 'good' : 'bad';
      const label = isLower ? 'Cheaper' : 'Dearer';
      if (hidden) return { label, tone, to: price(null) };
      const { formerTotal, formerSeenAt, at, product } = event;
      const percent = changeText(formerTotal, product.total);
      return {
        ...{ label, tone, from: moneyText(formerTotal), to: delivered(product.total) },
        ...(percent !== null && { percent }),
        ...(formerSeenAt !== undefined && {
          age: `${durationText(Date.parse(at) - Date.parse(formerSeenAt))} before`,
        }),
      };
    }
  }
}

export function isPriceHidden(event: News): boolean {
  return 'product' in event && 'priceDisplay' in event.product;
}

function delivered(total: Money): string {
  return `${moneyText(total)} delivered`;
}

function leftText({ quantity, moreThan }: { quantity: number | null; moreThan: number | null }): string {
  if (quantity !== null) return numberText(quantity);
  return moreThan === null ? 'unknown' : `more than ${numberText(moreThan)}`;
}

function daysText(days: number): string {
  return `in ${numberText(days)} ${days === 1 ? 'day' : 'days'}`;
}

/** News of one day about one track, watchlist or schedule, newest first. */
export interface NewsGroup {
  source: string;
  entries: NewsEntry[];
}

export interface NewsDay {
  /** Such as 2026-11-29. */
  date: string;
  groups: NewsGroup[];
}

/** By day and by what they are about, each in the order in which it comes first. @param zone IANA time zone of the days */
export function groupNews(entries: readonly NewsEntry[], zone: string): NewsDay[] {
  const days = new Map<string, Map<string, NewsEntry[]>>();
  for (const entry of entries) {
    const date = dateOf(zone, Date.parse(entry.event.at));
    const day = days.get(date) ?? new Map<string, NewsEntry[]>();
    days.set(date, day);
    const source = sourceOf(entry.event);
    day.set(source, [...(day.get(source) ?? []), entry]);
  }
  return [...days].map(([date, groups]) => ({
    date,
    groups: [...groups].map(([source, own]) => ({ source, entries: own })),
  }));
}

/** `Today`, `Yesterday`, `Sunday 29 November`. @param now ms since the epoch */
export function dayText(date: string, zone: string, now: number): string {
  const noonOf = (day: string) => Date.parse(`${day}T12:00:00Z`);
  const today = dateOf(zone, now);
  if (date === today) return 'Today';
  // A day of the zone may have 23 or 25 hours; one of UTC has 24.
  if (noonOf(today) - noonOf(date) === 24 * 3_600_000) return 'Yesterday';
  const parts = { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat('en-GB', parts).format(noonOf(date)).replace(',', '');
}

/** `2 new, 1 cheaper`, in the order in which they come first. */
export function countsText(entries: readonly NewsEntry[]): string {
  const counts = new Map<string, number>();
  for (const { event } of entries) {
    const { label } = changeWords(event);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => `${numberText(count)} ${label.toLowerCase()}`).join(', ');
}

/** `99+` from the most that is counted on. */
export function unreadText(count: number, most: number): string {
  return count < most ? numberText(count) : `${numberText(most - 1)}+`;
}
