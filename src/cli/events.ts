import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { EVENT_TYPES, type EventOf, type EventType, type ServiceEvent } from '../events/event.ts';
import { readEvents } from '../events/stream.ts';
import { Failure } from '../failures.ts';
import { openRedis } from '../redis/connection.ts';
import { forTenant, quietLog } from './commandSetup.ts';
import { UsageError } from './exit.ts';
import { count } from './progress.ts';
import { onInterrupt } from './signals.ts';
import { moneyText } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

interface Flags {
  follow?: boolean;
  since?: string;
  type: EventType[];
  tenant: string;
  json?: boolean;
}

export function eventsCommand(terminal: Terminal): Command {
  return new Command('events')
    .description('Show what happened: searches that ended, products that are new, cheaper, dearer or gone.')
    .option('-f, --follow', 'go on with what happens from now, until Ctrl-C (which is no error)')
    .option(
      '--since <when>',
      'only after: 10m, 2h, 3d, a time such as 2030-01-31T09:00:00Z, or a place',
      place,
    )
    .option(
      '--type <type>',
      `only these, also by their first word; may be repeated: ${EVENT_TYPES.join(', ')}`,
      types,
      [],
    )
    .option('--tenant <name>', 'whose', tenant, 'default')
    .option('--json', 'print one JSON object a line, with its place in the stream')
    .action((flags: Flags) => events(terminal, flags));
}

async function events(terminal: Terminal, flags: Flags): Promise<void> {
  const config = loadConfig();
  await forTenant(config, flags.tenant);
  const interrupt = onInterrupt();
  const redis = openRedis(config.redis, 'worker', quietLog().component('events'));
  // What a read waits for would keep the process for seconds.
  interrupt.signal.addEventListener('abort', () => redis.disconnect());
  const { follow = false, since = follow ? '$' : '0' } = flags;
  const { signal } = interrupt;
  try {
    const stream = readEvents(redis, config.queue.prefix, flags.tenant, { after: since, follow, signal });
    for await (const { place, event } of stream) {
      if (flags.type.length > 0 && !flags.type.includes(event.type)) continue;
      terminal.print(flags.json ? JSON.stringify({ place, ...event }) : eventLine(event, terminal));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    if (!follow) throw new Failure('interrupted', 'interrupted');
  } finally {
    interrupt.dispose();
    redis.disconnect();
  }
}

const AGO = /^(\d{1,6})([smhd])$/;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };

function place(text: string): string {
  if (/^\d{10,}-\d+$/.test(text)) return text;
  const [, amount, unit] = AGO.exec(text) ?? [];
  const at =
    amount === undefined
      ? Date.parse(text)
      : Date.now() - Number(amount) * SECONDS[unit as keyof typeof SECONDS] * 1000;
  if (!Number.isFinite(at) || at < 0)
    throw new UsageError(
      `--since must be an age (10m, 2h, 3d), a time (2030-01-31T09:00:00Z) or a place; got ${JSON.stringify(text)}`,
    );
  return `${at}-0`;
}

function types(text: string, earlier: EventType[]): EventType[] {
  const meant = EVENT_TYPES.filter(
    (type) => type === text || type.startsWith(`${text.replace(/\.\*?$/, '')}.`),
  );
  if (meant.length === 0)
    throw new UsageError(`--type must be one of ${EVENT_TYPES.join(', ')}; got ${JSON.stringify(text)}`);
  return [...earlier, ...meant];
}

function tenant(text: string): string {
  if (/^[a-z0-9-]{1,40}$/.test(text)) return text;
  throw new UsageError(`--tenant must match ^[a-z0-9-]{1,40}$; got ${JSON.stringify(text)}`);
}

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
