import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import type { Schedule } from '../product/scheduleSchema.ts';
import { searchTitle } from '../product/subject.ts';
import type { ApplyReport, ScheduleReport, Schedules } from '../queue/schedules/schedules.ts';
import { runText } from '../text/searches.ts';
import { instantText } from '../text/values.ts';
import { type Answer, answering, withProducer } from './commandSetup.ts';
import { EXIT } from './exit.ts';
import { addRequestFlags, numberOrText, requestFrom, withOptions } from './flags.ts';
import { fieldLines, table } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

interface Flags {
  tenant?: string;
}

type TimingFlags = Flags &
  Partial<Record<'query' | 'cron' | 'tz' | 'start' | 'end', string>> & {
    every?: number | string;
    auto?: boolean;
    atLeastEvery?: number | string;
    atMostEvery?: number | string;
    value?: number | string;
    limit?: number | string;
    dailyCalls?: number | string;
    replace?: boolean;
  };

export function command(terminal: Terminal): Command {
  const parent = new Command('schedule')
    .description('Run searches again and again: by the clock, at an interval, or when it is worth most.')
    .helpCommand(false)
    .addCommand(
      answering(addCommand(), terminal, async (flags: TimingFlags, name = '') => {
        const config = loadConfig();
        // Before Redis is needed: a wrong schedule is reported as one.
        const schedule = await checkedSchedule(name, flags, config);
        return withProducer(config, flags.tenant, async (producer) => {
          const data = await producer.schedule.add(schedule, { replace: flags.replace, via: 'cli' });
          return { data, text: await scheduleText(data, terminal) };
        });
      }),
    );
  const add = (
    name: string,
    description: string,
    use: (schedules: Schedules, argument: string) => Promise<Answer>,
  ) => {
    const subcommand = new Command(name)
      .description(description)
      .option('--tenant <name>', 'tenant whose schedules they are');
    parent.addCommand(
      answering(subcommand, terminal, ({ tenant }: Flags, argument = '') =>
        withProducer(loadConfig(), tenant, ({ schedule }) => use(schedule, argument)),
      ),
    );
    return subcommand;
  };

  add('list', 'Show all schedules.', async (schedules) => {
    const data = await schedules.list();
    return { data, text: data.length === 0 ? 'no schedules' : scheduleTable(data, terminal) };
  });
  add('show', 'Show one schedule and its last runs.', async (schedules, name) => {
    const data = await schedules.get(name);
    return { data, text: await scheduleText(data, terminal) };
  }).argument('<name>');
  add('pause', 'Start no further run until it is resumed.', async (schedules, name) => {
    const text = (await schedules.pause(name)) ? `paused ${name}` : `${name} was paused already`;
    return { data: await schedules.get(name), text };
  }).argument('<name>');
  add('resume', 'Start runs again, at the times it had.', async (schedules, name) => {
    const resumed = await schedules.resume(name);
    const data = await schedules.get(name);
    const text = resumed
      ? `resumed ${name}, next run ${data.next ?? latestText(data.latest)}`
      : `${name} was not paused`;
    return { data, text };
  }).argument('<name>');
  add('run', 'Run it once now and print the search’s id.', async (schedules, name) => {
    const data = await schedules.runNow(name);
    return { data, text: data.searchId };
  }).argument('<name>');
  add('remove', 'Remove it; a run that is under way continues.', async (schedules, name) => {
    await schedules.remove(name);
    return { data: { removed: name }, text: `removed ${name}` };
  }).argument('<name>');
  const applies =
    'Add, change and remove schedules as the file says; a starting worker does so with SCHEDULES_FILE.';
  add('apply', applies, async (schedules, file) => {
    const { applyFile } = await import('../queue/schedules/file.ts');
    const data = await applyFile(schedules, file);
    return { data, text: appliedText(data), exit: data.refused.length > 0 ? EXIT.incomplete : EXIT.done };
  }).argument('<file>', 'JSON, as config/schedules.example.json');
  return parent;
}

function addCommand(): Command {
  const add = new Command('add')
    .description(
      'Add a schedule; the same once more changes nothing. Another one of the same name needs --replace.',
    )
    .argument('<name>', 'a-z, 0-9 and hyphen')
    .option('--cron <expression>', 'minute hour day month weekday, such as "30 6 * * 1-5"')
    .option('--tz <zone>', 'time zone of --cron, such as Europe/Berlin (UTC)')
    .option('--every <seconds>', 'instead of --cron; the first run is at once, or at --start', numberOrText)
    .option('--auto', 'instead of --cron: when a run is worth most, as the planner learns; needs --track')
    .option('--at-least-every <seconds>', 'with --auto: longest time between two runs (86400)', numberOrText)
    .option('--at-most-every <seconds>', 'with --auto: shortest time between two runs (60)', numberOrText)
    .option('--value <n>', 'with --auto: what a change is worth, relative to others (1)', numberOrText)
    .option('--start <time>', 'no run before, such as 2030-01-31T09:00:00Z')
    .option('--end <time>', 'no run after')
    .option('--limit <n>', 'number of runs in all', numberOrText)
    .option('--daily-calls <n>', 'calls to eBay a day at most', numberOrText)
    .option('--replace', 'change the schedule of this name, if there is one')
    .option('--query <keywords>', 'what to search: a space means AND, "(a, b)" means OR');
  return addRequestFlags(add);
}

/** @throws Failure `invalid_request` */
async function checkedSchedule(name: string, flags: TimingFlags, config: Config): Promise<Schedule> {
  const { parseSchedule } = await import('../queue/schedules/definition.ts');
  const { query, cron, tz, every, start, end, limit, dailyCalls, tenant = 'default' } = flags;
  const request = requestFrom(query, { ...flags }, config.ebay);
  const auto = autoFrom(flags);
  const schedule = { name, cron, tz, every, auto, start, end, limit, dailyCalls, request } as Schedule;
  const { marketplace } = config.ebay;
  const { minInterval } = config.schedule;
  const parsed = parseSchedule(schedule, { tenant, marketplace, minInterval, now: Date.now() });
  if (parsed.ok) return schedule;
  throw withOptions(new Failure('invalid_request', 'the schedule is wrong', { errors: parsed.errors }));
}

/** Bounds without `--auto` ask for it too. */
function autoFrom({
  auto,
  atLeastEvery,
  atMostEvery,
  value,
}: TimingFlags): Record<string, unknown> | undefined {
  const bounds = Object.entries({ atLeastEvery, atMostEvery, value }).filter(
    ([, each]) => each !== undefined,
  );
  return auto || bounds.length > 0 ? Object.fromEntries(bounds) : undefined;
}

/** One line for each schedule. */
function scheduleTable(schedules: readonly ScheduleReport[], terminal: Terminal): string {
  const rows = schedules.map(({ name, when, next, latest, lastRuns: [last], state, source }) => [
    ...[name, when, instant(next ?? latest ?? null)],
    last === undefined ? '–' : `${runText(last.outcome)} ${last.at.slice(5, 16).replace('T', ' ')}`,
    ...[state, source],
  ]);
  return table(rows, terminal, { head: ['Name', 'When', 'Next', 'Last', 'State', 'From'] });
}

/** Everything about one schedule. */
async function scheduleText(report: ScheduleReport, terminal: Terminal): Promise<string> {
  const { conditionTexts } = await import('../http/page/search/conditions.ts');
  const { name, when, state, next, latest, start, end, limit, dailyCalls, runs, lastRuns, request } = report;
  const bounds = [start && `from ${instant(start)}`, end && `until ${instant(end)}`].filter(Boolean);
  const within = bounds.length === 0 ? [] : [['within', bounds.join(', ')] as const];
  return fieldLines(terminal, [
    ['name', name],
    ['when', when],
    ['state', state],
    [latest === undefined ? 'next run' : 'expected', instant(next)],
    ...(latest === undefined ? [] : [['at the latest', instant(latest)] as const]),
    ...within,
    ...(dailyCalls === undefined ? [] : [['calls a day', `at most ${dailyCalls}`] as const]),
    ['runs so far', limit === undefined ? String(runs) : `${runs} of ${limit}`],
    ['from', originText(report)],
    ['search', harmless(searchTitle(request))],
    ['on', request.marketplaces.join(', ')],
    ...conditionTexts({ ...request, marketplaces: [] }).map(
      (text, index) => [index === 0 ? 'conditions' : '', harmless(text)] as const,
    ),
    ...lastRuns.map(({ at, outcome, searchId }, index) => {
      const run = `${instant(at)}  ${runText(outcome).padEnd(12)}  ${searchId}`;
      return [index === 0 ? 'last runs' : '', run] as const;
    }),
  ]);
}

const VIAS: Readonly<Record<NonNullable<ScheduleReport['via']>, string>> = {
  page: 'the web page',
  http: 'the HTTP API',
  cli: 'the command line',
  mcp: 'a language model’s tools',
  library: 'a program',
};

function originText({ source, via }: ScheduleReport): string {
  if (source === 'file') return 'the file of schedules';
  return via === undefined ? 'an earlier release' : VIAS[via];
}

function latestText(latest: string | null | undefined): string {
  return latest ? `by ${latest}` : 'never';
}

function instant(iso: string | null): string {
  return iso === null ? '–' : instantText(iso);
}

function appliedText({ unchanged, ...changes }: ApplyReport): string {
  const lines = Object.entries(changes)
    .filter(([, names]) => names.length > 0)
    .map(([change, names]) => {
      const note = change === 'refused' ? ' (added elsewhere, so the file does not manage them)' : '';
      return `${change}: ${names.join(', ')}${note}`;
    });
  return [...lines, `unchanged: ${unchanged.length}`].join('\n');
}
