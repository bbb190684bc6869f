import { setTimeout as sleep } from 'node:timers/promises';
import type { Argument, Command, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { countryNames } from '../product/countries.ts';
import { CSV_COLUMNS } from '../product/csv.ts';
import { valuesOf } from './flags.ts';

/** A word that may stand at the cursor, and what it means. */
interface Candidate {
  value: string;
  about?: string | undefined;
}

/** In place of a candidate: the shell knows the names of files. */
const FILES: Candidate = { value: ':files' };

interface Commands {
  summaries: readonly Candidate[];
  /** A command with its options and subcommands. */
  load(name: string): Promise<Command | undefined>;
}

/** What a name in Redis is the name of. */
type Kind = 'schedules' | 'tracks' | 'watchlists' | 'alerts' | 'channels' | 'tenants';

/** Commands whose argument `name` is that of something that there is. */
const KIND_OF_COMMAND: Readonly<Record<string, Kind>> = {
  ...{ schedule: 'schedules', watchlist: 'watchlists', alerts: 'alerts', channels: 'channels' },
  tenants: 'tenants',
};

const KIND_OF_OPTION: Readonly<Record<string, Kind>> = {
  ...{ '--track': 'tracks', '--schedule': 'schedules', '--watchlist': 'watchlists' },
  ...{ '--channel': 'channels', '--tenant': 'tenants' },
};

/** Options of a country, which a postal code may follow. */
const COUNTRIES = new Set(['--ship-to', '--delivery-country', '--located-in']);

/** Options whose value is a list with commas. */
const LISTS = /^--(marketplace|condition|buying-option|delivery-option|payment-method|program|columns)$/;

/**
 * What may stand at the cursor, one line each: the word, a tab, what it means.
 * @param words those behind `dpf`, up to the cursor; the last one is the one that is typed, and may be empty
 */
export async function completionsOf(words: readonly string[], commands: Commands): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const found = await candidates(words.slice(0, -1), current, commands);
  const fit = found.filter((each) => each === FILES || each.value.startsWith(current));
  const about = (text: string | undefined) => (text === undefined ? '' : `\t${text.replace(/\s+/g, ' ')}`);
  return fit.map((each) => `${each.value}${about(each.about)}`);
}

async function candidates(
  before: readonly string[],
  current: string,
  { summaries, load }: Commands,
): Promise<readonly Candidate[]> {
  const [name, ...typed] = before;
  if (name === undefined)
    return current.startsWith('-') ? PROGRAM_OPTIONS : [...summaries, { value: 'help', about: 'Show help' }];
  if (name === 'help') return typed.length === 0 ? summaries : subcommandsOf(await load(typed[0] as string));
  const top = await load(name);
  if (top === undefined) return [];
  const { command, operands, open } = await read(top, typed);
  const names = (kind: Kind) => namesOf(kind, tenantIn(typed));
  if (open !== undefined && !(open.optional && current.startsWith('-')))
    return listed(open, current, await optionValues(open, command, names));
  const [, long, value] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  if (long !== undefined) {
    const option = command.options.find((each) => each.long === long);
    if (option === undefined) return [];
    const values = listed(option, value as string, await optionValues(option, command, names));
    return values.map((each) => (each === FILES ? each : { ...each, value: `${long}=${each.value}` }));
  }
  if (current.startsWith('-')) return optionsOf(command, typed);
  if (command.commands.length > 0) return operands === 0 ? subcommandsOf(command) : [];
  const { registeredArguments: known } = command;
  const argument = known[operands] ?? (known.at(-1)?.variadic ? known.at(-1) : undefined);
  if (argument === undefined) return optionsOf(command, typed);
  return argumentValues(argument, { top, command }, names);
}

const PROGRAM_OPTIONS = [
  { value: '--help', about: 'Show help' },
  { value: '--version', about: 'Print the version' },
];

/** The subcommand that is typed, how many arguments it has, and the option that still needs its value. */
async function read(top: Command, typed: readonly string[]) {
  let command = top;
  let operands = 0;
  let open: Option | undefined;
  for (const word of typed) {
    const takesWord = open !== undefined && (open.required || !word.startsWith('-'));
    if (takesWord) open = undefined;
    else if (word.startsWith('-')) {
      const option = command.options.find((each) => each.long === word || each.short === word);
      open = option !== undefined && (option.required || option.optional) ? option : undefined;
    } else {
      const subcommand = command.commands.find((each) => each.name() === word);
      if (operands === 0 && subcommand !== undefined) command = subcommand;
      else operands += 1;
    }
  }
  return { command, operands, open };
}

function tenantIn(typed: readonly string[]): string {
  const at = typed.indexOf('--tenant');
  return (at === -1 ? undefined : typed[at + 1]) ?? 'default';
}

function subcommandsOf(command: Command | undefined): Candidate[] {
  return (command?.commands ?? []).map((each) => ({ value: each.name(), about: each.description() }));
}

/** Those that were given are left out, unless they may be repeated. */
function optionsOf(command: Command, typed: readonly string[]): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(
      ({ long, description }) => !typed.includes(long as string) || description.includes('may be repeated'),
    )
    .flatMap(({ long, short, description }) => ({ value: (long ?? short) as string, about: description }));
}

type Names = (kind: Kind) => Promise<Candidate[]>;

async function optionValues(option: Option, command: Command, names: Names): Promise<readonly Candidate[]> {
  const long = option.long as string;
  const kind = KIND_OF_OPTION[long];
  if (kind !== undefined) return names(kind);
  if (COUNTRIES.has(long)) return Object.entries(countryNames()).map(([value, about]) => ({ value, about }));
  if (/[<[](file|path)[>\]]/.test(option.flags)) return [FILES];
  const values = [...(option.argChoices ?? valuesOf(long))];
  if (long === '--columns') values.push(...CSV_COLUMNS.keys());
  // `dpf search` takes the orders of what is shown there too.
  if (long === '--sort')
    values.push(...(command.options.find((each) => each.long === '--sort-by')?.argChoices ?? []));
  return values.map((value) => ({ value }));
}

/** Of a list with commas the values behind those that are typed. */
function listed(option: Option, current: string, values: readonly Candidate[]): readonly Candidate[] {
  const at = current.lastIndexOf(',');
  if (at === -1 || !LISTS.test(option.long as string)) return values;
  return values.map((each) => ({ ...each, value: current.slice(0, at + 1) + each.value }));
}

async function argumentValues(
  argument: Argument,
  { top, command }: { top: Command; command: Command },
  names: Names,
): Promise<readonly Candidate[]> {
  if (argument.argChoices !== undefined) return argument.argChoices.map((value) => ({ value }));
  if (argument.name() === 'file') return [FILES];
  const kind = KIND_OF_COMMAND[top.name()];
  // What is added has a new name.
  return argument.name() === 'name' && kind !== undefined && command.name() !== 'add' ? names(kind) : [];
}

/** Longest that a press of Tab waits for Redis, ms. */
const REDIS_WAIT_MS = 400;
/** What else is in Redis was written by another program, and the shell must not see it. */
const NAME = /^[a-z0-9-]{1,60}$/;

/** The names that Redis knows; none while it does not answer. */
async function namesOf(kind: Kind, tenant: string): Promise<Candidate[]> {
  const { openRedis, waitForRedis } = await import('../redis/connection.ts');
  const { quietLog } = await import('./commandSetup.ts');
  const config = loadConfig({ warn: () => undefined });
  const redis = openRedis(config.redis, 'caller', quietLog().component('redis'));
  const { prefix } = config.queue;
  const read = async (): Promise<string[]> => {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    return READERS[kind](redis, prefix, tenant);
  };
  try {
    const found = await Promise.race([read(), sleep(REDIS_WAIT_MS, [], { ref: false })]);
    return [...new Set(found)]
      .filter((name) => NAME.test(name))
      .sort()
      .map((value) => ({ value }));
  } finally {
    redis.disconnect();
  }
}

type Reader = (redis: import('ioredis').Redis, prefix: string, tenant: string) => Promise<string[]>;

async function schedulesIn(...[redis, prefix, tenant]: Parameters<Reader>) {
  const { ScheduleStore } = await import('../queue/schedules/store.ts');
  return (await new ScheduleStore(redis, prefix, tenant).all()).map(({ definition }) => definition);
}

async function alertsIn(...[redis, prefix, tenant]: Parameters<Reader>) {
  const { AlertStore } = await import('../queue/alerts/store.ts');
  return (await new AlertStore(redis, prefix, tenant).all()).map(({ record }) => record.definition);
}

const READERS: Readonly<Record<Kind, Reader>> = {
  schedules: async (...at) => (await schedulesIn(...at)).map(({ name }) => name),
  /** Those of schedules and alerts: other tracks have no list. */
  tracks: async (...at) =>
    [
      ...(await schedulesIn(...at)).map(({ request }) => request.track),
      ...(await alertsIn(...at)).map(({ track }) => track),
    ].filter((track) => track !== undefined),
  watchlists: async (redis, prefix, tenant) => {
    const { WatchStore } = await import('../queue/watch/watchlists/store.ts');
    return (await new WatchStore(redis, prefix, tenant).all()).map(({ record }) => record.definition.name);
  },
  alerts: async (...at) => (await alertsIn(...at)).map(({ name }) => name),
  channels: async (redis, prefix, tenant) => {
    const { alertKeys } = await import('../queue/alerts/keys.ts');
    return redis.hkeys(alertKeys(prefix, tenant).channels);
  },
  tenants: async (redis, prefix) => {
    const { FleetStore, declarationsOf } = await import('../fleet/fleetStore.ts');
    const { document } = await new FleetStore(redis, prefix).read();
    return ['default', ...Object.keys(declarationsOf(document))];
  },
};
