import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { EVENT_TYPES, type EventType, type ServiceEvent } from '../events/event.ts';
import { readEvents } from '../events/stream.ts';
import { Failure } from '../failures.ts';
import { dayOrInstantIn } from '../product/instant.ts';
import { openRedis } from '../redis/connection.ts';
import { clockOf } from '../redis/redisClock.ts';
import { eventText } from '../text/searches.ts';
import { quietLog, withTenant } from './commandSetup.ts';
import { wrongValue } from './exit.ts';
import { tenantName } from './flags.ts';
import { onInterrupt } from './signals.ts';
import { amountText } from './table.ts';
import { type Colour, harmless, type Terminal } from './terminal.ts';

type Flags = { follow?: boolean; since?: string | number; type: EventType[]; tenant: string; json?: boolean };

export function command(terminal: Terminal): Command {
  return new Command('events')
    .description('Show what happened: searches that ended, products that are new, cheaper, dearer or gone.')
    .option('-f, --follow', 'show what happens from now on, until Ctrl-C (which is no error)')
    .option(
      '--since <when>',
      'only after: 10m, 2h, 3d, a time such as 2030-01-31T09:00:00Z, or a place in the stream',
      placeOf,
    )
    .option(
      '--type <type>',
      `only these, also by their first word; may be repeated: ${EVENT_TYPES.join(', ')}`,
      typesOf,
      [],
    )
    .option('--tenant <name>', 'tenant whose events they are', tenantName, 'default')
    .option('--json', 'print one JSON object a line, with its place in the stream')
    .action((flags: Flags) => events(terminal, flags));
}

async function events(terminal: Terminal, flags: Flags): Promise<void> {
  const config = loadConfig();
  await withTenant(config, flags.tenant, async () => undefined);
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const redis = openRedis(config.redis, 'worker', quietLog().component('events'));
  // A blocking read would keep the process for seconds.
  signal.addEventListener('abort', () => redis.disconnect());
  const { follow = false, since = follow ? '$' : '0' } = flags;
  try {
    const { prefix } = config.queue;
    const redisNow = () => clockOf(redis, prefix).current();
    const after = typeof since === 'number' ? `${Math.max(0, (await redisNow()) - since)}-0` : since;
    const stream = readEvents(redis, prefix, flags.tenant, { after, follow, signal });
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

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The place in the stream that `--since` means, or how long ago it is, ms. */
function placeOf(text: string): string | number {
  // More digits are no place: Redis counts both parts in 64 bits.
  if (/^\d{10,15}-\d{1,15}$/.test(text)) return text;
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ageMs = Number(amount) * (UNIT_MS[unit] ?? 0);
  if (amount !== undefined) return ageMs;
  const at = dayOrInstantIn(text);
  if (at !== undefined && at >= 0) return `${at}-0`;
  const rule =
    'an age (10m, 2h, 3d), a time with its offset (2030-01-31T09:00:00Z), a day (2030-01-31) or a place in the stream';
  throw wrongValue(`--since must be ${rule}`, text);
}

function typesOf(text: string, earlier: EventType[]): EventType[] {
  const group = `${text.replace(/\.\*?$/, '')}.`;
  const types = EVENT_TYPES.filter((type) => type === text || type.startsWith(group));
  if (types.length > 0) return [...earlier, ...types];
  throw wrongValue(`--type must be one of ${EVENT_TYPES.join(', ')}`, text);
}

const TYPE_WIDTH = Math.max(...EVENT_TYPES.map((type) => type.length));
const COLOURS: Partial<Record<EventType, Colour>> = {
  'search.failed': 'red',
  'search.cancelled': 'yellow',
  'search.skipped': 'yellow',
  'product.new': 'green',
  'product.price-dropped': 'green',
};

/** Time, type, subject and details of an event. */
function eventLine(event: ServiceEvent, { paint }: Terminal): string {
  const clock = paint('dim', new Date(event.at).toLocaleString('sv-SE'));
  const type = paint(COLOURS[event.type] ?? 'bold', event.type.padEnd(TYPE_WIDTH));
  const text = eventText(event, amountText);
  const parts =
    'product' in event
      ? [
          'watchlist' in event ? event.watchlist : event.track,
          text,
          'url' in event.product ? event.product.url : event.product.itemId,
        ]
      : [event.schedule === null ? event.searchId : `${event.schedule} (${event.searchId})`, text];
  return `${clock}  ${type}  ${harmless(parts.join(' · '))}`;
}
