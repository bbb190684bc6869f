import { Command, Option } from 'commander';
import { didYouMean } from '../config/files.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { ALERT_CONDITIONS, type Alert, AlertSchema, type Condition } from '../product/alertSchema.ts';
import type { AlertReport, Alerts } from '../queue/alerts/alerts.ts';
import type { FullCondition } from '../queue/alerts/definition.ts';
import { alertRuleTexts, alertSourceText, alertTimeTexts, alertTodayText } from '../text/alerts.ts';
import { dueText, durationText, instantText, numberText } from '../text/values.ts';
import { type Answer, answering, withProducer } from './commandSetup.ts';
import { UsageError, wrongValue } from './exit.ts';
import {
  csv,
  type FieldOption,
  namingOptions,
  numberOrText,
  optionAmong,
  optionFor,
  repeated,
  tenantName,
} from './flags.ts';
import { fieldLines, table } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

type Flags = { tenant?: string; json?: boolean } & Record<string, unknown>;

/** Fields of an alert as options; the alert's schema says which values are allowed. */
const OPTIONS: readonly FieldOption[] = [
  ['track', '--track <name>', 'every search of this track'],
  ['schedule', '--schedule <name>', 'the runs of this schedule; its request needs a track'],
  ['watchlist', '--watchlist <name>', 'the listings of this watchlist'],
  [
    'when',
    '--when <condition>',
    'what it is about, see below; may be repeated: any of them is enough',
    conditions,
  ],
  ['basis', '--item-price', 'conditions compare the price alone; else price and shipping'],
  ['channels', '--channel <name>', 'where it is sent; may be repeated (every channel)', csv],
  ['channels', '--every-channel', 'send it to every channel'],
  ['title.include', '--title-include <word>', 'must be in the title; may be repeated', repeated],
  ['title.exclude', '--title-exclude <word>', 'must not be in the title; may be repeated', repeated],
  ['seller.minFeedbackPercentage', '--min-feedback-percentage <n>', 'of the seller', numberOrText],
  ['seller.minFeedbackScore', '--min-feedback-score <n>', 'of the seller', numberOrText],
  ['conditionIds', '--condition-id <id>', 'only listings of this condition, such as 1000 (new)', csv],
  [
    'rearm',
    '--rearm <time>',
    'no second alert of the same condition and listing within it (24h)',
    duration('--rearm'),
  ],
  [
    'quiet',
    '--quiet <times>',
    'nothing is sent between, such as 22:00-07:00; it is held, not lost',
    quietHours,
  ],
  ['quiet', '--no-quiet', 'send at any time of the day'],
  ['tz', '--tz <zone>', 'time zone of --quiet and of the day of --daily-cap, such as Europe/Berlin (UTC)'],
  ['digest', '--digest <time>', 'at most one message in so long, such as 30m', duration('--digest')],
  ['digest', '--no-digest', 'send at once'],
  [
    'dailyCap',
    '--daily-cap <n>',
    'alerts a day (100); one message says how many more there were',
    numberOrText,
  ],
];

const CONDITIONS_HELP = `
Conditions of --when:
  drop, drop 10%, drop 5 USD      the price falls so far below the highest one since the last alert
  rise, rise 10%, rise 5 USD      the price rises so far
  price-below '20 USD'            the price falls below an amount, or a new listing is below it
  lowest, lowest listing          lower than all that the track has seen, or than this listing was
  new, new relisted               a listing that was not there before; relisted: also one that is there once more
  gone, back-in-stock             it has ended, or can be bought again
  stock-below 3                   fewer are left; needs details, or a watchlist with --quantity

Times are such as 90s, 30m, 12h or 2d; a number alone is in seconds.

  npx dpf alerts add cheap --track hubs --when 'price-below 20 USD' --when 'drop 10%' --quiet 22:00-07:00 --tz Europe/Berlin`;

export function command(terminal: Terminal): Command {
  const parent = new Command('alerts')
    .description('Send a message when a price, a listing or its stock changes as you say.')
    .helpCommand(false);
  const add = (
    subcommand: Command,
    use: (alerts: Alerts, name: string, flags: Flags) => Promise<Answer>,
    { isNamed = true } = {},
  ) => {
    if (isNamed) subcommand.argument('<name>', 'a-z, 0-9 and hyphen');
    subcommand.option('--tenant <name>', 'tenant whose alerts they are', tenantName);
    parent.addCommand(
      answering(subcommand, terminal, (flags: Flags, name = '') =>
        withProducer(loadConfig(), flags.tenant, ({ alerts }) => use(alerts, name, flags)),
      ),
    );
  };
  const put = async (alerts: Alerts, alert: Alert, verb: string): Promise<Answer> => {
    const data = await alerts.put(alert).catch((error) => {
      throw namingOptions(error, optionOf);
    });
    return { data, text: `${verb} ${data.name}\n${alertText(data, terminal)}` };
  };
  const adding = withOptions(new Command('add'))
    .description('Add an alert. Its first look is the beginning: what is there already makes no alerts.')
    .option('--replace', 'put it in the place of the alert of this name, if there is one');
  add(adding, async (alerts, name, flags) => {
    const alert = { ...withoutNull(changesOf(flags)), name } as Alert;
    if (!flags.replace && (await found(alerts, name)) !== undefined)
      throw new UsageError(`there is an alert ${name} already; change changes it, and --replace replaces it`);
    return put(alerts, alert, 'added');
  });
  add(
    withOptions(new Command('change')).description(
      'Change what is given; the rest stays. With other conditions or another source its next look is a first one.',
    ),
    async (alerts, name, flags) => {
      const changes = changesOf(flags);
      if (Object.keys(changes).length === 0)
        throw new UsageError('name an option to change: --help shows them');
      return put(alerts, { ...changed(await alerts.get(name), changes), name } as Alert, 'changed');
    },
  );
  add(
    new Command('list').description('Show all alerts.'),
    async (alerts) => {
      const data = await alerts.list();
      const none = "no alerts; add one with dpf alerts add NAME --track TRACK --when 'drop 10%'";
      return { data, text: data.length === 0 ? none : alertTable(data, terminal) };
    },
    { isNamed: false },
  );
  add(new Command('show').description('Show one alert.'), async (alerts, name) => {
    const data = await alerts.get(name);
    return { data, text: alertText(data, terminal) };
  });
  add(
    new Command('pause').description('Compare and send nothing until it is resumed.'),
    async (alerts, name) => {
      const text = (await alerts.pause(name)) ? `paused ${name}` : `${name} was paused already`;
      return { data: await alerts.get(name), text };
    },
  );
  add(new Command('resume').description('Go on.'), async (alerts, name) => {
    const text = (await alerts.resume(name)) ? `resumed ${name}` : `${name} was not paused`;
    return { data: await alerts.get(name), text };
  });
  add(
    new Command('remove').description('Remove an alert with what it knows, and what waits to be sent.'),
    async (alerts, name) => {
      await alerts.remove(name);
      return { data: { removed: name }, text: `removed ${name}` };
    },
  );
  return parent;
}

function withOptions(command: Command): Command {
  for (const field of OPTIONS) command.addOption(optionFor(field));
  return command.addHelpText('after', CONDITIONS_HELP);
}

async function found(alerts: Alerts, name: string): Promise<AlertReport | undefined> {
  return alerts.get(name).catch((error) => {
    if (error instanceof Failure && error.code === 'alert_not_found') return undefined;
    throw error;
  });
}

/** What the options say. `null` stands for a field that is to be left out. */
type Changes = Record<string, unknown>;

function changesOf(flags: Flags): Changes {
  const changes: Changes = {};
  for (const [path, written] of OPTIONS) {
    const value = flags[new Option(written).attributeName()];
    if (value === undefined) continue;
    const [field = '', part] = path.split('.');
    if (part === undefined) changes[field] = written === '--every-channel' || value === false ? null : value;
    else changes[field] = { ...(changes[field] as object), [part]: value };
  }
  if (flags.channel !== undefined && flags.everyChannel)
    throw new UsageError('give --channel or --every-channel, not both');
  const { basis, ...rest } = changes;
  if (basis === undefined) return changes;
  if (rest.when === undefined)
    throw new UsageError('--item-price stands beside --when: say the conditions again');
  return { ...rest, when: (rest.when as Condition[]).map(onItemPrice) };
}

function withoutNull(fields: Changes): Changes {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function onItemPrice(condition: Condition): Condition {
  return WITH_BASIS.has(condition.on) ? ({ ...condition, basis: 'item' } as Condition) : condition;
}

const WITH_BASIS: ReadonlySet<string> = new Set(['price-below', 'drop', 'rise', 'lowest']);
const SOURCES = ['track', 'schedule', 'watchlist'] as const;

/** The alert with the changes; another source takes the place of the former one. */
function changed(report: AlertReport, changes: Changes): Changes {
  const isAlert = (field: string) => Object.hasOwn(AlertSchema.properties, field);
  const before = Object.fromEntries(Object.entries(report).filter(([field]) => isAlert(field)));
  if (SOURCES.some((source) => changes[source] !== undefined))
    for (const source of SOURCES) delete before[source];
  for (const part of ['title', 'seller'])
    if (changes[part] !== undefined)
      changes[part] = { ...(before[part] as object), ...(changes[part] as object) };
  return withoutNull({ ...before, ...changes });
}

/** The option may be repeated. */
function conditions(text: string, earlier: Condition[] = []): Condition[] {
  return [...earlier, conditionFrom(text)];
}

/**
 * A condition as it is typed: `drop 10%`, `price-below 20 USD`, `new`.
 * @throws UsageError
 */
export function conditionFrom(text: string): Condition {
  const [on = '', ...rest] = text.trim().split(/\s+/);
  const value = rest.join(' ');
  const known = ALERT_CONDITIONS.find((each) => each === on.toLowerCase());
  const wrong = (rule: string) => wrongValue(`--when ${known}: ${rule}`, value);
  if (known === undefined)
    throw wrongValue(
      `--when must begin with one of ${ALERT_CONDITIONS.join(', ')}`,
      text,
      didYouMean(on, ALERT_CONDITIONS),
    );
  switch (known) {
    case 'price-below': {
      const price = amountFrom(value);
      if (price === undefined) throw wrong("say an amount and its currency, such as 'price-below 20 USD'");
      return { on: known, price: price.amount, currency: price.currency };
    }
    case 'stock-below': {
      if (!/^\d{1,7}$/.test(value)) throw wrong("say a number, such as 'stock-below 3'");
      return { on: known, quantity: Number(value) };
    }
    case 'drop':
    case 'rise': {
      if (value === '') return { on: known };
      const [, percent] = /^(\d{1,6}(?:\.\d{1,3})?)\s*%$/.exec(value) ?? [];
      if (percent !== undefined) return { on: known, percent: Number(percent) };
      const amount = amountFrom(value);
      if (amount === undefined) throw wrong(`say how much, such as '${known} 10%' or '${known} 5 USD'`);
      return { on: known, ...amount };
    }
    case 'lowest': {
      if (value === '') return { on: known };
      if (value !== 'all' && value !== 'listing') throw wrong('nothing, all or listing may follow');
      return { on: known, of: value };
    }
    case 'new': {
      if (value !== '' && value !== 'relisted') throw wrong('nothing or relisted may follow');
      return value === '' ? { on: known } : { on: known, relisted: true };
    }
    default: {
      if (value !== '') throw wrong('nothing may follow');
      return { on: known };
    }
  }
}

/** `20 USD`, `20.00USD` or `USD 20`. */
function amountFrom(text: string): { amount: string; currency: string } | undefined {
  const [, before, first, second, after] =
    /^(?:([A-Za-z]{3})\s*(\d+(?:\.\d+)?)|(\d+(?:\.\d+)?)\s*([A-Za-z]{3}))$/.exec(text) ?? [];
  const currency = (before ?? after)?.toUpperCase();
  const amount = first ?? second;
  return amount === undefined || currency === undefined ? undefined : { amount, currency };
}

const UNITS: Readonly<Record<string, number>> = { s: 1, '': 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** Seconds of `90s`, `30m`, `12h` or `2d`. @param option its name, for the error */
function duration(option: string) {
  return (text: string): number => {
    const [, count, unit = ''] = /^(\d{1,9})\s*(s|m|min|h|d)?$/.exec(text.trim()) ?? [];
    if (count === undefined) throw wrongValue(`${option} must be a time such as 90s, 30m, 12h or 2d`, text);
    return Number(count) * (UNITS[unit] as number);
  };
}

/** `22:00-07:00`. */
function quietHours(text: string): { from: string; to: string } {
  const [, from, to] = /^(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})$/.exec(text.trim()) ?? [];
  if (from === undefined || to === undefined)
    throw wrongValue('--quiet must be two times of the day, such as 22:00-07:00', text);
  return { from: from.padStart(5, '0'), to: to.padStart(5, '0') };
}

function optionOf(path: string): string | undefined {
  return path === 'name' ? 'NAME' : optionAmong(OPTIONS, path);
}

/** As it is typed. */
export function conditionText(condition: FullCondition): string {
  const { on } = condition;
  switch (on) {
    case 'price-below':
      return `${on} ${condition.price} ${condition.currency}${basisText(condition.basis)}`;
    case 'drop':
    case 'rise': {
      const { percent, amount, currency, basis } = condition;
      const most =
        percent !== undefined ? ` ${percent}%` : amount !== undefined ? ` ${amount} ${currency}` : '';
      return `${on}${most}${basisText(basis)}`;
    }
    case 'lowest':
      return `${on} ${condition.of}${basisText(condition.basis)}`;
    case 'stock-below':
      return `${on} ${condition.quantity}`;
    case 'new':
      return condition.relisted ? `${on} relisted` : on;
    default:
      return on;
  }
}

function basisText(basis: 'delivered' | 'item'): string {
  return basis === 'item' ? ' (item price)' : '';
}

/** One line for each alert; what keeps one from working stands below. */
function alertTable(alerts: readonly AlertReport[], terminal: Terminal): string {
  const rows = alerts.map((alert) => [
    ...[alert.name, alertSourceText(alert), alert.when.map(conditionText).join(', ')],
    ...[alert.channels?.join(', ') ?? 'every', alert.state, alertTodayText(alert), numberText(alert.pending)],
    alert.lastHit === null ? 'never' : instantText(alert.lastHit),
  ]);
  const head = ['Name', 'Of', 'When', 'Channels', 'State', 'Today', 'Waiting', 'Last'];
  const notes = alerts.flatMap(({ name, note }) => (note === null ? [] : [[name, harmless(note)] as const]));
  const lines = [table(rows, terminal, { head })];
  if (notes.length > 0) lines.push('', fieldLines(terminal, notes));
  return lines.join('\n');
}

/** Everything about one alert. */
function alertText(alert: AlertReport, terminal: Terminal): string {
  const { channels, rearm } = alert;
  const waits = alert.nextDue === null ? '' : `, next message ${dueText(alert.nextDue, Date.now())}`;
  return fieldLines(terminal, [
    ['name', alert.name],
    ['of', alertSourceText(alert)],
    ...alert.when.map((each, at) => [at === 0 ? 'when' : 'or', conditionText(each)] as const),
    ...alertRuleTexts(alert).map((rule, at) => [at === 0 ? 'only' : '', harmless(rule)] as const),
    ['again', rearm === 0 ? 'each time' : `for a listing not within ${durationText(rearm * 1000)}`],
    ['sent', alertTimeTexts(alert).join(', ')],
    ['to', channels?.join(', ') ?? 'every channel'],
    ['state', alert.state],
    ['today', alertTodayText(alert)],
    ['waiting', `${numberText(alert.pending)}${waits}`],
    ['last', alert.lastHit === null ? 'never' : instantText(alert.lastHit)],
    ...(alert.note === null ? [] : [['note', terminal.paint('yellow', harmless(alert.note))] as const]),
  ]);
}
