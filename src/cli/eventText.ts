import type { EventOf, ServiceEvent } from '../events/event.ts';
import { count } from './progress.ts';
import { moneyText } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

const WIDEST_TYPE = 'product.price-dropped'.length;

/** An event as a line: when, what, and what a person wants to know of it. */
export function eventLine(event: ServiceEvent, terminal: Terminal): string {
  const clock = new Date(event.at).toLocaleString('sv-SE');
  const type = terminal.paint(COLOURS[event.type] ?? 'bold', event.type.padEnd(WIDEST_TYPE));
  return `${terminal.paint('dim', clock)}  ${type}  ${harmless(about(event))}`;
}

const COLOURS: Partial<Record<ServiceEvent['type'], 'green' | 'red' | 'yellow'>> = {
  'search.failed': 'red',
  'search.cancelled': 'yellow',
  'search.skipped': 'yellow',
  'product.new': 'green',
  'product.price-dropped': 'green',
};

function about(event: ServiceEvent): string {
  switch (event.type) {
    case 'search.completed':
    case 'search.cancelled':
      return [named(event), endText(event), ...trackText(event.track)].join(' · ');
    case 'search.failed':
      return `${named(event)} · ${event.error.code}: ${event.error.message}`;
    case 'search.skipped':
      return `${named(event)} · the run before was busy`;
    case 'product.gone':
      return `${event.track} · ${event.product.itemId}`;
    case 'product.new': {
      const { total, url } = event.product;
      return `${event.track} · ${total === null ? 'delivered price unknown' : moneyText(total)} · ${url}`;
    }
    default: {
      const { total, url } = event.product;
      return `${event.track} · ${moneyText(event.formerTotal)} → ${moneyText(total)} · ${url}`;
    }
  }
}

function named({ schedule, searchId }: ServiceEvent): string {
  return schedule === null ? searchId : `${schedule} (${searchId})`;
}

function endText(event: EventOf<'search.completed'> | EventOf<'search.cancelled'>): string {
  const outcome = 'outcome' in event ? `${event.outcome}, ` : '';
  return `${outcome}${count(event.counts.products, 'product')}, ${count(event.calls, 'call')}`;
}

function trackText(track: EventOf<'search.completed'>['track']): string[] {
  if (track === null) return [];
  if (track.firstRun) return [`first run of ${track.name}`];
  const { new: fresh, priceDropped, priceRose, gone } = track;
  return [`${track.name}: ${fresh} new, ${priceDropped} dropped, ${priceRose} rose, ${gone} gone`];
}
