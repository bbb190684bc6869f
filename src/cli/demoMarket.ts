import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import type { ServiceEvent } from '../events/event.ts';
import { readEvents } from '../events/stream.ts';
import type { SearchProducer } from '../queue/producer.ts';
import { openRedis } from '../redis/connection.ts';
import { isBrowse } from '../simulator/log.ts';
import type { MarketOptions } from '../simulator/market/market.ts';
import type { EventKind, MarketEvent } from '../simulator/market/pool.ts';
import type { Simulator } from '../simulator/simulator.ts';
import { countText } from '../text/values.ts';
import { quietLog } from './commandSetup.ts';
import { amountText } from './table.ts';
import { progressLine, type Terminal } from './terminal.ts';

/** An hour of the market takes so long, ms. */
const HOUR_MS = 10_000;
const SCALE = 3_600_000 / HOUR_MS;
/** Calls a second that the planner may spend on average while the hour lasts. */
const CALLS_A_SECOND = 2.5;
/** eBay's usual limit of calls a day. */
const USUAL_LIMIT = 5000;
/** With `--keep` changes take place so much more rarely than within the hour: about one a minute, and of the shop four. */
const GENTLE = 1 / 100;
const SHOP_GENTLE = 1 / 12;
/** The first looks, and those after the hour, are waited for so long on a machine with other work, ms. */
const PATIENCE_MS = 10_000;
/** The planner guarantees a look in that time, s. */
const AT_LEAST_EVERY_S = 8;

const SELLER = 'seller_4000';
const WATCHLIST = 'board-games';
/** Alert on each price drop; it waits for a channel. */
export const DEMO_ALERT = 'drops';
/** Schedules, and the new listings of each in an hour of the market. */
const WATCHED: readonly [query: string, perHour: number][] = [
  ['Building Blocks', 6],
  ['Trading Card', 3],
  ['Fountain Pen', 0.5],
];

/** Chosen so that the hour has a bit of everything; the same hour every time. */
const SEED = 126;

/** A market in which nothing happens until the hour begins. */
export function demoMarket(): MarketOptions {
  const dayMs = 24 * HOUR_MS;
  return {
    seed: SEED,
    dayMs,
    factor: 0,
    queries: WATCHED.map(([words, perHour]) => ({
      words,
      perDay: 24 * perHour,
      changesPerDay: 0,
      listings: 40,
    })),
    shops: [
      {
        seller: SELLER,
        category: '180349',
        listings: 12,
        changesPerDay: 24 * 8,
        changes: { price: 3, 'sold-out': 3, restocked: 3, ended: 1, returned: 1 },
      },
    ],
  };
}

/** By these settings the planner decides often enough for an hour of ten seconds. */
export const DEMO_PLAN_ENV = {
  SCHEDULE_MIN_INTERVAL: '1',
  PLAN_INTERVAL: '0.2',
  // The limit changes twice: before the hour and after it.
  QUOTA_RECONCILE_INTERVAL: '2',
};

interface Stack {
  readonly config: Config;
  readonly producer: SearchProducer;
  readonly simulator: Simulator;
}

/** Gives the simulated keyset as many calls as the hour needs, so that the planner has to choose and need not wait. */
function provideCalls({ controls }: Simulator, scheduledShare: number): void {
  const { reset } = controls.quota();
  const seconds = (Date.parse(reset) - Date.now()) / 1000;
  controls.quota({ limit: Math.max(USUAL_LIMIT, Math.ceil((seconds * CALLS_A_SECOND) / scheduledShare)) });
}

/** The hour as the demo shows it. */
export type Hour = Awaited<ReturnType<typeof watchAnHour>>;

/** A change in the market, and the event that says so. */
export interface Seen {
  /** Minute of the hour in which it truly happened. */
  readonly minute: number;
  readonly kind: EventKind;
  readonly title: string;
  /** What the event says. */
  readonly text: string;
  /** Minutes of the hour until its event was published. */
  readonly delayMinutes: number;
}

/**
 * Makes three `auto` schedules and a watchlist, lets an hour of the market pass, and follows the events.
 * @param onSeen called for each change when its event is there
 */
export async function watchAnHour(stack: Stack, terminal: Terminal, onSeen: (seen: Seen) => void) {
  const { config, producer, simulator } = stack;
  const { market } = simulator.controls;
  const line = progressLine(terminal);
  let hourEnd: NodeJS.Timeout | undefined;
  const redis = openRedis(config.redis, 'worker', quietLog().component('demo'));
  try {
    line.show(() => 'three schedules and a watchlist: their first looks');
    provideCalls(simulator, config.pace.scheduledShare);
    await putWatched(stack, { atLeastEvery: AT_LEAST_EVERY_S });
    await producer.alerts.put({ name: DEMO_ALERT, watchlist: WATCHLIST, when: [{ on: 'drop' }], rearm: 0 });
    const entries = market.listings(SELLER).map(({ legacyId }) => legacyId);
    await producer.watchlists.import(WATCHLIST, { entries });
    await until(async () => {
      const reports = await Promise.all(WATCHED.map(([query]) => producer.schedule.get(nameOf(query))));
      const { counts } = await producer.watchlists.get(WATCHLIST);
      return counts.waiting === 0 && reports.every(({ lastRuns }) => (lastRuns[0]?.outcome ?? null) !== null);
    });

    const callsBefore = simulator.controls.state().lastSeq;
    const began = Date.now();
    let place = `${began}-0`;
    const seen: Seen[] = [];
    const matched = new Set<MarketEvent>();
    const truth = () => market.trace({ since: began - 1 });
    /** On a machine with other work the market stops later than the hour ends. */
    const isWithin = ({ at }: MarketEvent) => at <= began + HOUR_MS;
    const follow = async () => {
      for await (const { place: next, event } of readEvents(redis, config.queue.prefix, 'default', {
        after: place,
      })) {
        place = next;
        const publishedAt = Number(next.split('-')[0]);
        const change = truth().findLast(
          (each) => !matched.has(each) && each.at <= publishedAt && says(event, each),
        );
        if (change === undefined) continue;
        matched.add(change);
        if (!isWithin(change)) continue;
        seen.push({
          minute: Math.floor(((change.at - began) * SCALE) / 60_000),
          kind: change.kind,
          title: change.title,
          text: textOf(event),
          delayMinutes: ((publishedAt - change.at) * SCALE) / 60_000,
        });
        line.end();
        onSeen(seen.at(-1) as Seen);
        if (terminal.live) line.show(minutes);
      }
    };
    const minutes = () => {
      const minute = Math.min(60, Math.floor(((Date.now() - began) * SCALE) / 60_000));
      // Elsewhere than on a terminal each new text is a line.
      return terminal.live ? `minute ${minute} of 60` : 'the hour begins';
    };
    line.show(minutes);
    market.scaleRates(1);
    // On a machine with other work the round below that is under way then takes longer.
    hourEnd = setTimeout(() => market.scaleRates(0), HOUR_MS);
    while (Date.now() < began + HOUR_MS) {
      await follow();
      await sleep(POLL_MS);
    }
    market.scaleRates(0);
    const all = truth();
    const changes = all.filter(isWithin);
    await until(async () => {
      await follow();
      return changes.every((each) => matched.has(each) || isOvertaken(each, all));
    });
    const overtaken = changes.filter((each) => !matched.has(each) && isOvertaken(each, all)).length;
    const calls = callsSince(simulator, callsBefore);
    return { changes: changes.length, seen, overtaken, calls };
  } finally {
    clearTimeout(hourEnd);
    line.end();
    redis.disconnect();
  }
}

/** From now on about a change a minute, eBay's usual limit, and looks that it suffices for: what `--keep` leaves running. */
export async function slowDown(stack: Stack): Promise<void> {
  const { openEbay } = await import('../app/client.ts');
  const { controls } = stack.simulator;
  controls.market.scaleRates(GENTLE);
  controls.market.scaleRates(SHOP_GENTLE, SELLER);
  const { used } = controls.quota();
  controls.quota({ limit: USUAL_LIMIT, used: Math.min(used, USUAL_LIMIT) });
  // The worker asks eBay for its count only after further calls: until then the pages would show the limit of the hour.
  const redis = openRedis(stack.config.redis, 'worker', quietLog().component('demo'));
  const ebay = openEbay(stack.config, quietLog(), { redis });
  try {
    await ebay.client.reconcile();
  } finally {
    ebay.close();
    redis.disconnect();
  }
  await putWatched(stack, { atLeastEvery: 600, atMostEvery: 15 });
}

const POLL_MS = 100;

/** @param pace least and longest time between two looks, s */
async function putWatched(
  { producer }: Stack,
  pace: { atLeastEvery: number; atMostEvery?: number },
): Promise<void> {
  for (const [query] of WATCHED) {
    const track = nameOf(query);
    const request = { query, sort: 'newlyListed', maxItems: 50, track } as const;
    await producer.schedule.add({ name: track, auto: pace, request }, { replace: true });
  }
  // Where a seller sends to one country only, what it costs is known for a buyer there.
  const shipTo = { country: 'US' } as const;
  await producer.watchlists.put({ name: WATCHLIST, ...pace, shipTo });
}

function nameOf(query: string): string {
  return query.toLowerCase().replaceAll(' ', '-');
}

/** Waits until it holds, but not for ever: a machine with other work shows less. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds()) && Date.now() < end) await sleep(POLL_MS);
}

/** What an event may say of a change in the market. */
const KINDS: Partial<Record<ServiceEvent['type'], readonly EventKind[]>> = {
  'product.new': ['listed'],
  'watchlist.price-dropped': ['price'],
  'watchlist.price-rose': ['price'],
  'watchlist.out-of-stock': ['sold-out'],
  'watchlist.ended': ['ended'],
  'watchlist.returned': ['restocked', 'returned'],
};

function says(event: ServiceEvent, { kind, legacyId }: MarketEvent): boolean {
  const isKind = KINDS[event.type]?.includes(kind) ?? false;
  return isKind && 'product' in event && event.product.itemId.split('|')[1] === legacyId;
}

function textOf(event: ServiceEvent): string {
  if (!('product' in event)) return event.type;
  const total = 'total' in event.product ? event.product.total : null;
  const now = total === null ? '' : amountText(total);
  if ('formerTotal' in event) return `${amountText(event.formerTotal)} → ${now}`;
  if (event.type === 'product.new') return `new ${now}`.trim();
  if (event.type === 'watchlist.returned') return `back ${now}`.trim();
  return event.type === 'watchlist.out-of-stock' ? 'sold out' : 'ended';
}

/** Something else has happened to the listing since, or it is a new one of a shop, which no list has. */
function isOvertaken(change: MarketEvent, truth: readonly MarketEvent[]): boolean {
  if (change.was !== undefined) return true;
  return truth.some(({ legacyId, at }) => legacyId === change.legacyId && at > change.at);
}

/** Calls to eBay of each schedule and of the watchlist. */
function callsSince({ controls }: Simulator, since: number): Array<{ name: string; calls: number }> {
  const calls = controls.log({ since }).filter(({ kind }) => isBrowse(kind));
  const named = WATCHED.map(([query]) => {
    return { name: nameOf(query), calls: calls.filter((call) => call.query.q === query).length };
  });
  const ofSchedules = named.reduce((sum, each) => sum + each.calls, 0);
  return [...named, { name: WATCHLIST, calls: calls.length - ofSchedules }];
}

/** One line for a change that was seen. */
export function seenLine({ minute, kind, title, text, delayMinutes }: Seen, { paint }: Terminal): string {
  const clock = paint('dim', `minute ${String(minute).padStart(2)}`);
  const what = title.length > TITLE ? `${title.slice(0, TITLE - 1)}…` : title.padEnd(TITLE);
  const late = paint('dim', `seen ${Math.max(1, Math.round(delayMinutes))} min later`);
  const colour = kind === 'sold-out' || kind === 'ended' ? 'yellow' : 'green';
  return `  ${clock}  ${what}  ${paint(colour, text)}  ${late}`;
}

const TITLE = 40;

/** What the hour took. */
export function hourText({ changes, seen, overtaken, calls }: Hour): string {
  const mean = seen.reduce((sum, { delayMinutes }) => sum + delayMinutes, 0) / Math.max(1, seen.length);
  const all = calls.reduce((sum, each) => sum + each.calls, 0);
  const missing = changes - seen.length - overtaken;
  return [
    `${seen.length} of ${countText(changes, 'change')} seen, ${Math.round(mean)} min after the seller made them on average`,
    overtaken > 0 ? `; ${overtaken} changed again before a look` : '',
    missing > 0 ? `; ${missing} not seen yet` : '',
    `.\n${countText(all, 'call')}: ${calls.map(({ name, calls: own }) => `${name} ${own}`).join(', ')}.`,
  ].join('');
}
