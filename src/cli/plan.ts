import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { readJsonFile } from '../config/files.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import type { PlanEntry, PlanReport } from '../product/planReport.ts';
import type { PlanOptions } from '../queue/producer.ts';
import {
  additionText,
  dropText,
  expectedText,
  guaranteeText,
  measuredText,
  otherLimitText,
  perDayText,
  shiftText,
  totalTexts,
  warningText,
} from '../text/plan.ts';
import { answering, withProducer } from './commandSetup.ts';
import { UsageError, wrongValue } from './exit.ts';
import { tenantName } from './flags.ts';
import { fieldLines, table } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

interface Flags {
  calls?: number;
  add?: string;
  tenant?: string;
}

const MAX_CALLS = 1_000_000;

export function command(terminal: Terminal): Command {
  const plan = new Command('plan')
    .description(
      'Show what each schedule and watchlist costs a day, how soon it sees a change, and what more calls would bring.',
    )
    .option('--calls <n>', 'what another daily limit would bring, such as 10000', dailyLimit)
    .option('--add <file>', 'what it would cost to add these: JSON of a schedule, a watchlist, or a list')
    .option('--tenant <name>', 'tenant whose plan it is', tenantName);
  return answering(plan, terminal, async ({ calls, add: file, tenant }: Flags) => {
    const config = loadConfig();
    const add = file === undefined ? undefined : await additions(file, config, tenant);
    return withProducer(config, tenant, async (producer) => {
      const data = await producer.plan({ calls, add });
      return { data, text: planText(data, Date.now(), terminal) };
    });
  });
}

function dailyLimit(text: string): number {
  const calls = Number(text);
  if (/^\d{1,10}$/.test(text) && calls >= 1 && calls <= MAX_CALLS) return calls;
  throw wrongValue(`--calls must be a whole number of calls a day from 1 to ${MAX_CALLS}`, text);
}

/** Checked before Redis is needed. @throws UsageError; Failure `invalid_request` that names the fields in the file */
async function additions(path: string, config: Config, tenant = 'default'): Promise<PlanOptions['add']> {
  const { content, problem } = readJsonFile(path);
  if (problem !== undefined) throw new UsageError(`--add ${problem.name} ${problem.message}`);
  const { parseAdditions } = await import('../queue/watch/additions.ts');
  const limits = { tenant, marketplace: config.ebay.marketplace, minInterval: config.schedule.minInterval };
  const { errors } = parseAdditions(content, { ...limits, now: Date.now() });
  if (errors.length === 0) return content as PlanOptions['add'];
  const named = errors.map((each) => ({ ...each, path: each.path.replace(/^add\.?/, `${path} `).trim() }));
  throw new Failure('invalid_request', 'what is to be added is wrong', { errors: named });
}

/** A table of all schedules and watchlists, what the day has, and advice. */
export function planText(report: PlanReport, now: number, terminal: Terminal): string {
  const { entries, add, calls, drop, warnings } = report;
  const { paint } = terminal;
  const heading = (text: string) => `\n${paint('bold', text)}`;
  const shifts = (list: NonNullable<PlanReport['calls']>['entries']) => {
    const rows = list.slice(0, SHOWN_SHIFTS).map(({ name, delay }) => [name, shiftText(delay)]);
    return rows.length === 0 ? [] : [table(rows, terminal, { head: ['Name', 'Delay'] })];
  };
  return [
    ...(entries.length === 0 ? [] : [entryTable(entries, terminal), '']),
    fieldLines(terminal, totalTexts(report, now)),
    ...(calls === undefined
      ? []
      : [heading('Another limit'), otherLimitText(report), ...shifts(calls.entries)]),
    ...(add === undefined
      ? []
      : [
          heading('With what is added'),
          entryTable(add.added, terminal),
          additionText(report),
          ...shifts(add.entries),
        ]),
    ...(drop.length === 0
      ? []
      : [heading('Least value for a call'), ...drop.map((each) => `- ${dropText(each)}`)]),
    ...(warnings.length === 0
      ? []
      : [heading('Advice'), ...warnings.map((each) => `- ${warningText(each)}${HOW[each.code] ?? ''}`)]),
  ].join('\n');
}

/** By which command an advice is followed. */
const HOW: Partial<Record<PlanReport['warnings'][number]['code'], string>> = {
  'fixed-do-not-fit': ' (`dpf schedule add NAME --replace --auto …`)',
  'guarantees-do-not-fit': ' (`--at-least-every` of `dpf schedule add --replace` and `dpf watchlist change`)',
  'bound-by-at-most-every': ' (`--at-most-every` of `dpf schedule add --replace` and `dpf watchlist change`)',
  'nothing-to-plan': ': add one with `dpf schedule add NAME --auto --query WORDS --track NAME`',
};

/** The others are in `--json`. */
const SHOWN_SHIFTS = 10;

function entryTable(entries: readonly PlanEntry[], terminal: Terminal): string {
  const rows = entries.map((entry) => [
    entry.name,
    harmless(cut(entry.what)),
    entry.state === 'active' ? perDayText(entry.callsPerDay) : '–',
    `${expectedText(entry.delay)}${isGuess(entry) ? ' *' : ''}`,
    measuredText(entry.measured),
    guaranteeText(entry),
  ]);
  const shown = table(rows, terminal, {
    head: ['Name', 'What', 'Calls a day', 'Delay', 'Measured', 'Guarantee'],
    colAligns: ['left', 'left', 'right', 'left', 'left', 'left'],
  });
  return entries.some(isGuess) ? `${shown}\n${ASSUMED}` : shown;
}

function isGuess({ assumed, delay }: PlanEntry): boolean {
  return assumed && delay !== null;
}

const ASSUMED = '* nothing is known of it yet: it is taken to change as often as the others do';
const WHAT_WIDTH = 28;

function cut(text: string): string {
  return text.length <= WHAT_WIDTH ? text : `${text.slice(0, WHAT_WIDTH - 1)}…`;
}
