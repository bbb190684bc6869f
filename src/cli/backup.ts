import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { Backup, type BackupReport } from '../app/backup.ts';
import type { Counts } from '../app/backupFile.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { redisFailure } from '../redis/failure.ts';
import { countText, numberText } from '../text/values.ts';
import { type Answer, answering, withRedis } from './commandSetup.ts';
import { CommandError, EXIT, UsageError } from './exit.ts';
import { onInterrupt } from './signals.ts';
import { progressLine, type Terminal } from './terminal.ts';

interface Flags {
  tracks: boolean;
  json?: boolean;
}

type Interrupt = ReturnType<typeof onInterrupt>;

export function command(terminal: Terminal): Command {
  const backup = new Command('backup')
    .description(
      'Save what only Redis knows: API keys (their hashes), schedules, watchlists, channels, alerts, favourites and notes, tracks, tenants and settings that were published. ' +
        'No token, job or result.',
    )
    .argument('[file]', 'replaced as a whole, readable by you alone; none or -: standard output')
    .option('--no-tracks', 'without what tracks remember of listings');
  return answering(backup, terminal, (flags: Flags, file = '-') => save(terminal, file, flags));
}

async function save(terminal: Terminal, file: string, { tracks, json }: Flags): Promise<Answer> {
  const isPrinted = file === '-';
  if (isPrinted && json) throw new UsageError('--json needs FILE: without one the backup itself is printed');
  if (isPrinted && process.stdout.isTTY)
    throw new UsageError(
      'name a file, or send the output to one: it is long, and holds the hashes of API keys',
    );
  const config = loadConfig();
  if (!isPrinted) await requireFile(file);
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const progress = progressLine(terminal);
  try {
    return await withRedis(config, async (redis) => {
      const settings = { prefix: config.queue.prefix, tracks, signal };
      const backup = new Backup(redis, settings);
      // Elsewhere than on a terminal each change is a line.
      if (terminal.live) progress.show(() => progressText(backup));
      const work = isPrinted ? print(backup, interrupt) : write(backup, file, interrupt);
      await work.catch((error) => {
        throw problemOf(error, file);
      });
      progress.end();
      const text = summary(backup.report);
      const notes = notesOf(backup.report);
      if (isPrinted) return { data: undefined, notes: [text, ...notes] };
      return { data: { file, ...backup.report }, text: `${text} in ${file}`, notes: json ? [] : notes };
    });
  } catch (error) {
    if (signal.aborted) throw new Failure('interrupted', 'interrupted: no backup was written');
    throw error;
  } finally {
    progress.end();
    interrupt.dispose();
  }
}

/** A device or a folder would be replaced by a file. @throws CommandError */
async function requireFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined && !found.isFile())
    throw new CommandError(EXIT.failed, 'no-file', `${file} is no file: name one, or - for standard output`);
}

/** The whole file or nothing: it gets its name when it is on the disk. */
async function write(backup: Backup, file: string, { race, signal }: Interrupt): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID().slice(0, 8)}`);
  try {
    const target = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true });
    // From Node 24 on an aborted pipeline ends only after the command of Redis that it waits for.
    await race(pipeline(Readable.from(backup.lines()), target, { signal }));
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  // Some systems have no such call; the file itself is on the disk.
  const folder = await open(dirname(file)).catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

async function print(backup: Backup, { race, signal }: Interrupt): Promise<void> {
  await race(pipeline(Readable.from(backup.lines()), process.stdout, { signal, end: false }));
}

function problemOf(error: unknown, file: string): unknown {
  const { message = '', code = '', syscall } = error as NodeJS.ErrnoException;
  if (message.startsWith('NOPERM')) {
    const remedy = 'use the user backup of config/redis/users.acl';
    return new Failure(
      'redis-unavailable',
      `this user of Redis may not read what a backup holds: ${remedy}`,
      { remedy },
    );
  }
  if (syscall !== undefined && redisFailure(error) === undefined)
    return new CommandError(EXIT.failed, 'not-written', `${file} cannot be written (${code})`);
  return error;
}

function progressText({ planned, report }: Backup): string {
  const { tracks, listings } = report.counts;
  const of = `${numberText(tracks)} of ${countText(planned.tracks, 'track')}`;
  return `${of}, ${numberText(listings)} of ${countText(planned.listings, 'listing')}`;
}

/** `2 keys, 3 schedules, 1 track (1,200 listings)`. */
function countsText(counts: Counts): string {
  const { keys, schedules, tracks, listings, watchlists, watched, channels, alerts, people } = counts;
  const { tenants, settings } = counts;
  const parts = [
    countText(keys, 'key'),
    countText(schedules, 'schedule'),
    `${countText(tracks, 'track')} (${countText(listings, 'listing')})`,
    ...(watchlists > 0 ? [`${countText(watchlists, 'watchlist')} (${countText(watched, 'listing')})`] : []),
    ...(channels > 0 ? [countText(channels, 'channel')] : []),
    ...(alerts > 0 ? [countText(alerts, 'alert')] : []),
    ...(people > 0 ? [`favourites and notes of ${countText(people, 'API key')}`] : []),
    countText(tenants, 'tenant'),
    `${countText(settings, 'part')} of the configuration`,
  ];
  return parts.join(', ');
}

function summary({ counts }: BackupReport): string {
  return `saved ${countsText(counts)}`;
}

function notesOf({ leftOut, changed }: BackupReport): string[] {
  const notes = leftOut.map((what) => `left out: ${what}`);
  if (changed.length > 0)
    notes.push(
      `searches changed ${changed.join(', ')} meanwhile: after a restore a price or a listing may be reported once more`,
    );
  return notes;
}
