import Table from 'cli-table3';
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import type { Schedule } from '../product/scheduleSchema.ts';
import type { ApplyReport, Schedules } from '../queue/schedules/schedules.ts';
import type { ScheduleReport } from '../queue/schedules/store.ts';
import { forTenant, quietLog } from './commandSetup.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { addRequestFlags, requestFrom } from './requestFlags.ts';
import { NO_LINES, trimLines } from './table.ts';
import { harmless, type Terminal } from './terminal.ts';

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

/** What a subcommand came to: an object for `--json`, text for people. */
interface Answer {
  data: unknown;
  text: string;
}

export function scheduleCommand(terminal: Terminal, setExit: (code: ExitCode) => void): Command {
  const answer = async (flags: Flags, ask: (schedules: Schedules) => Promise<Answer>) => {
    const { data, text } = await withSchedules(loadConfig(), flags, ask);
    terminal.print(flags.json ? JSON.stringify(data, null, 2) : text);
  };
  const named = (
    name: string,
    description: string,
    ask: (schedules: Schedules, name: string) => Promise<Answer>,
  ) =>
    common(new Command(name).description(description).argument('<name>')).action(
      (schedule: string, flags: Flags) => answer(flags, (schedules) => ask(schedules, schedule)),
    );

  return new Command('schedule')
    .description('Run searches again and again, by the clock or at an interval.')
    .helpCommand(false)
    .addCommand(addCommand(answer, terminal))
    .addCommand(
      common(new Command('list').description('Show all schedules.')).action((flags: Flags) =>
        answer(flags, async (schedules) => {
          const data = await schedules.list();
          return { data, text: data.length === 0 ? 'no schedules' : scheduleTable(data, terminal) };
        }),
      ),
    )
    .addCommand(
      named('show', 'Show one schedule and its last runs.', async (schedules, name) => {
        const data = await schedules.get(name);
        return { data, text: scheduleText(data, terminal) };
      }),
    )
    .addCommand(
      named('pause', 'Begin no further run until it is resumed.', async (schedules, name) => {
        const paused = await schedules.pause(name);
        return {
          data: await schedules.get(name),
          text: paused ? `paused ${name}` : `${name} was paused already`,
        };
      }),
    )
    .addCommand(
      named('resume', 'Go on in the rhythm it had.', async (schedules, name) => {
        const resumed = await schedules.resume(name);
        const data = await schedules.get(name);
        return {
          data,
          text: resumed ? `resumed ${name}, next run ${data.next ?? 'never'}` : `${name} was not paused`,
        };
      }),
    )
    .addCommand(
      named('run', 'Run it once now and print the search’s id.', async (schedules, name) => {
        const data = await schedules.runNow(name);
        return { data, text: data.searchId };
      }),
    )
    .addCommand(
      named('remove', 'Forget it; a run that is under way goes on.', async (schedules, name) => {
        await schedules.remove(name);
        return { data: { removed: name }, text: `removed ${name}` };
      }),
    )
    .addCommand(
      common(
        new Command('apply')
          .description(
            'Make the schedules of the file what it says, as a starting worker does with SCHEDULES_FILE.',
          )
          .argument('<file>', 'JSON, as config/schedules.example.json'),
      ).action((file: string, flags: Flags) =>
        answer(flags, async (schedules) => {
          const { applyFile } = await import('../queue/schedules/file.ts');
          const data = await applyFile(schedules, file);
          if (data.refused.length > 0) setExit(EXIT.incomplete);
          return { data, text: appliedText(data) };
        }),
      ),
    );
}

function addCommand(
  answer: (flags: Flags, ask: (schedules: Schedules) => Promise<Answer>) => Promise<void>,
  terminal: Terminal,
): Command {
  const command = new Command('add')
    .description('Add a schedule, or change the one of this name; the same once more changes nothing.')
    .argument('<name>', 'a-z, 0-9 and hyphen')
    .option('--cron <expression>', 'minute hour day month weekday, such as "30 6 * * 1-5"')
    .option('--tz <zone>', 'time zone of --cron, such as Europe/Berlin (UTC)')
    .option('--every <seconds>', 'instead of --cron; the first run is at once, or at --start', number)
    .option('--start <time>', 'no run before, such as 2030-01-31T09:00:00Z')
    .option('--end <time>', 'no run after')
    .option('--limit <n>', 'runs altogether', number)
    .option('--query <keywords>', 'what to search: a space means AND, "(a, b)" means OR');
  addRequestFlags(command)
    .option('--json', 'print as JSON')
    .action(async (name: string, flags: TimingFlags) => {
      const schedule = await checkedSchedule(name, flags, loadConfig());
      await answer(flags, async (schedules) => {
        const data = await schedules.add(schedule);
        return { data, text: scheduleText(data, terminal) };
      });
    });
  return command;
}

/** Checked before Redis is asked for, so that a wrong schedule is told as one. @throws Failure `invalid_request` */
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

function common(command: Command): Command {
  return command.option('--tenant <name>', 'whose').option('--json', 'print as JSON');
}

async function withSchedules<T>(
  config: Config,
  { tenant }: Flags,
  ask: (schedules: Schedules) => Promise<T>,
): Promise<T> {
  const { name, config: own } = await forTenant(config, tenant);
  const { openProducer } = await import('../app/client.ts');
  const producer = openProducer(own, { tenant: name, log: quietLog() });
  try {
    await producer.ready();
    return await ask(producer.schedule);
  } finally {
    await producer.close();
  }
}

/** Text that is no number stays text, to be refused by the field's name. */
function number(text: string): number | string {
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** One line a schedule. */
export function scheduleTable(schedules: readonly ScheduleReport[], { paint }: Terminal): string {
  const table = new Table({
    head: ['Name', 'When', 'Next', 'Last', 'State', 'From'].map((head) => paint('dim', head)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  for (const { name, when, next, lastRuns, state, source } of schedules)
    table.push([name, when, instant(next), lastRun(lastRuns), state, source]);
  return trimLines(table.toString());
}

/** All of one schedule. */
export function scheduleText(report: ScheduleReport, { paint }: Terminal): string {
  const { name, when, state, source, next, start, end, limit, runs, lastRuns, request } = report;
  const bounds = [start && `from ${instant(start)}`, end && `until ${instant(end)}`]
    .filter(Boolean)
    .join(', ');
  const rows: Array<[string, string]> = [
    ['name', name],
    ['when', when],
    ['state', state],
    ['next run', instant(next)],
    ...(bounds === '' ? [] : ([['within', bounds]] as Array<[string, string]>)),
    ['runs so far', limit === undefined ? String(runs) : `${runs} of ${limit}`],
    ['from', source === 'file' ? 'the file of schedules' : 'code or command line'],
    ['search', harmless(request.query ?? `category ${request.categoryIds?.join(', ')}`)],
    ...lastRuns.map(({ at, outcome, searchId }, index): [string, string] => [
      index === 0 ? 'last runs' : '',
      `${instant(at)}  ${(outcome ?? 'under way').padEnd(12)}  ${searchId}`,
    ]),
  ];
  const width = Math.max(...rows.map(([field]) => field.length));
  return rows.map(([field, value]) => `${paint('dim', field.padEnd(width))}  ${value}`).join('\n');
}

export function appliedText({ unchanged, ...changes }: ApplyReport): string {
  const lines = Object.entries(changes).flatMap(([what, names]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(', ')}${what === 'refused' ? REFUSED : ''}`],
  );
  return [...lines, `unchanged: ${unchanged.length}`].join('\n');
}

const REFUSED = ' (added elsewhere, so the file does not manage them)';

/** `2026-05-01 06:30 UTC`. */
function instant(iso: string | null): string {
  return iso === null ? '–' : `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

function lastRun([last]: ScheduleReport['lastRuns']): string {
  return last === undefined
    ? '–'
    : `${last.outcome ?? 'under way'} ${last.at.slice(5, 16).replace('T', ' ')}`;
}
