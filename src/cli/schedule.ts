import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import type { Schedule } from '../product/scheduleSchema.ts';
import type { ApplyReport, ScheduleReport, Schedules } from '../queue/schedules/schedules.ts';
import { runText, searchTitle } from '../text/searches.ts';
import { instantText } from '../text/values.ts';
import { withProducer } from './commandSetup.ts';
import { EXIT, type SetExit } from './exit.ts';
import { addRequestFlags, numberOrText, requestFrom } from './flags.ts';
import { fieldLines, table } from './table.ts';
import { harmless, printData, type Terminal } from './terminal.ts';

interface Flags {
  json?: boolean;
  tenant?: string;
}

interface TimingFlags extends Flags {
  query?: string;
  cron?: string;
  tz?: string;
  every?: number | string;
  start?: string;
  end?: string;
  limit?: number | string;
}

/** What a subcommand prints: `data` with `--json`, else `text`. */
interface Answer {
  data: unknown;
  text: string;
}

export function command(terminal: Terminal, setExit: SetExit): Command {
  const print = async (flags: Flags, use: (schedules: Schedules) => Promise<Answer>) => {
    const { data, text } = await withProducer(loadConfig(), flags.tenant, ({ schedule }) => use(schedule));
    printData(terminal, flags.json, data, text);
  };
  const subcommand = (name: string, description: string) =>
    new Command(name)
      .description(description)
      .option('--tenant <name>', 'tenant whose schedules they are')
      .option('--json', 'print as JSON');
  const forOne = (
    name: string,
    description: string,
    use: (schedules: Schedules, name: string) => Promise<Answer>,
  ) =>
    subcommand(name, description)
      .argument('<name>')
      .action((schedule: string, flags: Flags) => print(flags, (schedules) => use(schedules, schedule)));

  return new Command('schedule')
    .description('Run searches again and again, by the clock or at an interval.')
    .helpCommand(false)
    .addCommand(
      addCommand().action(async (name: string, flags: TimingFlags) => {
        // Before Redis is needed: a wrong schedule is reported as one.
        const schedule = await checkedSchedule(name, flags, loadConfig());
        await print(flags, async (schedules) => {
          const data = await schedules.add(schedule);
          return { data, text: scheduleText(data, terminal) };
        });
      }),
    )
    .addCommand(
      subcommand('list', 'Show all schedules.').action((flags: Flags) =>
        print(flags, async (schedules) => {
          const data = await schedules.list();
          return { data, text: data.length === 0 ? 'no schedules' : scheduleTable(data, terminal) };
        }),
      ),
    )
    .addCommand(
      forOne('show', 'Show one schedule and its last runs.', async (schedules, name) => {
        const data = await schedules.get(name);
        return { data, text: scheduleText(data, terminal) };
      }),
    )
    .addCommand(
      forOne('pause', 'Start no further run until it is resumed.', async (schedules, name) => {
        const text = (await schedules.pause(name)) ? `paused ${name}` : `${name} was paused already`;
        return { data: await schedules.get(name), text };
      }),
    )
    .addCommand(
      forOne('resume', 'Start runs again, at the times it had.', async (schedules, name) => {
        const resumed = await schedules.resume(name);
        const data = await schedules.get(name);
        const text = resumed ? `resumed ${name}, next run ${data.next ?? 'never'}` : `${name} was not paused`;
        return { data, text };
      }),
    )
    .addCommand(
      forOne('run', 'Run it once now and print the search’s id.', async (schedules, name) => {
        const data = await schedules.runNow(name);
        return { data, text: data.searchId };
      }),
    )
    .addCommand(
      forOne('remove', 'Remove it; a run that is under way continues.', async (schedules, name) => {
        await schedules.remove(name);
        return { data: { removed: name }, text: `removed ${name}` };
      }),
    )
    .addCommand(
      subcommand(
        'apply',
        'Add, change and remove schedules as the file says; a starting worker does so with SCHEDULES_FILE.',
      )
        .argument('<file>', 'JSON, as config/schedules.example.json')
        .action((file: string, flags: Flags) =>
          print(flags, async (schedules) => {
            const { applyFile } = await import('../queue/schedules/file.ts');
            const data = await applyFile(schedules, file);
            if (data.refused.length > 0) setExit(EXIT.incomplete);
            return { data, text: appliedText(data) };
          }),
        ),
    );
}

function addCommand(): Command {
  const add = new Command('add')
    .description('Add a schedule, or change the one of this name; the same once more changes nothing.')
    .argument('<name>', 'a-z, 0-9 and hyphen')
    .option('--cron <expression>', 'minute hour day month weekday, such as "30 6 * * 1-5"')
    .option('--tz <zone>', 'time zone of --cron, such as Europe/Berlin (UTC)')
    .option('--every <seconds>', 'instead of --cron; the first run is at once, or at --start', numberOrText)
    .option('--start <time>', 'no run before, such as 2030-01-31T09:00:00Z')
    .option('--end <time>', 'no run after')
    .option('--limit <n>', 'number of runs in all', numberOrText)
    .option('--query <keywords>', 'what to search: a space means AND, "(a, b)" means OR');
  return addRequestFlags(add).option('--json', 'print as JSON');
}

/** @throws Failure `invalid_request` */
async function checkedSchedule(name: string, flags: TimingFlags, config: Config): Promise<Schedule> {
  const { parseSchedule } = await import('../queue/schedules/definition.ts');
  const { query, cron, tz, every, start, end, limit, tenant = 'default' } = flags;
  const request = requestFrom(query, { ...flags }, config.ebay);
  const schedule = { name, cron, tz, every, start, end, limit, request } as Schedule;
  const { marketplace } = config.ebay;
  const { minInterval } = config.schedule;
  const parsed = parseSchedule(schedule, { tenant, marketplace, minInterval, now: Date.now() });
  if (parsed.ok) return schedule;
  throw new Failure('invalid_request', 'the schedule is wrong', { errors: parsed.errors });
}

/** One line for each schedule. */
function scheduleTable(schedules: readonly ScheduleReport[], terminal: Terminal): string {
  const rows = schedules.map(({ name, when, next, lastRuns: [last], state, source }) => [
    ...[name, when, instant(next)],
    last === undefined ? '–' : `${runText(last.outcome)} ${last.at.slice(5, 16).replace('T', ' ')}`,
    ...[state, source],
  ]);
  return table(rows, terminal, { head: ['Name', 'When', 'Next', 'Last', 'State', 'From'] });
}

/** Everything about one schedule. */
function scheduleText(report: ScheduleReport, terminal: Terminal): string {
  const { name, when, state, source, next, start, end, limit, runs, lastRuns, request } = report;
  const bounds = [start && `from ${instant(start)}`, end && `until ${instant(end)}`].filter(Boolean);
  const within = bounds.length === 0 ? [] : [['within', bounds.join(', ')] as const];
  return fieldLines(
    [
      ['name', name],
      ['when', when],
      ['state', state],
      ['next run', instant(next)],
      ...within,
      ['runs so far', limit === undefined ? String(runs) : `${runs} of ${limit}`],
      ['from', source === 'file' ? 'the file of schedules' : 'code, command line or web page'],
      ['search', harmless(searchTitle(request))],
      ...lastRuns.map(({ at, outcome, searchId }, index) => {
        const run = `${instant(at)}  ${runText(outcome).padEnd(12)}  ${searchId}`;
        return [index === 0 ? 'last runs' : '', run] as const;
      }),
    ],
    terminal,
  );
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
