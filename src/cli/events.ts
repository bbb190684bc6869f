import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { EVENT_TYPES, type EventType } from '../events/event.ts';
import { readEvents } from '../events/reader.ts';
import { Failure } from '../failures.ts';
import { openRedis } from '../redis/connection.ts';
import { eventLine } from './eventText.ts';
import { UsageError } from './exit.ts';
import { forTenant } from './forTenant.ts';
import { onInterrupt } from './interrupt.ts';
import { quietLog } from './quietLog.ts';
import type { Terminal } from './terminal.ts';

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
