import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { type BackupHeader, WrongBackup } from '../app/backupFile.ts';
import { Restore, type RestoreOptions, type RestoreReport } from '../app/restore.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import { echo } from '../product/schemaErrors.ts';
import { countText, instantText, numberText } from '../text/values.ts';
import { type Answer, answering, withRedis } from './commandSetup.ts';
import { CommandError, EXIT } from './exit.ts';
import { onInterrupt } from './signals.ts';
import { progressLine, type Terminal } from './terminal.ts';

/** How long an interrupted restore may take to delete the track that it has written a part of, ms. */
const INTERRUPT_GRACE_MS = 1000;

interface Flags {
  dryRun?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

export function command(terminal: Terminal): Command {
  const restore = new Command('restore')
    .description('Put back what dpf backup saved. Only what is missing is written. It may be run again.')
    .argument('<file>', 'a backup; it is checked as a whole first')
    .option('--dry-run', 'check the file and say what would be done; write nothing')
    .option('--overwrite', 'replace what is there by what the backup has');
  return answering(restore, terminal, (flags: Flags, path = '') => putBack(terminal, path, flags));
}

async function putBack(terminal: Terminal, path: string, flags: Flags): Promise<Answer> {
  const { dryRun = false, overwrite = false, json } = flags;
  const config = loadConfig();
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const line = progressLine(terminal);
  let done = 0;
  const progress = (records: number) => {
    done = records;
  };
  const show = (what: string) => terminal.live && line.show(() => `${what} ${countText(done, 'record')}`);
  let file: FileHandle | undefined;
  let isChecked = false;
  try {
    file = await openFile(path);
    const restore = new Restore(file, config);
    show('checked');
    const header = await restore.check({ signal, progress });
    isChecked = true;
    return await withRedis(config, async (redis) => {
      show(dryRun ? 'compared' : 'restored');
      const options: RestoreOptions = { dryRun, overwrite, signal, progress };
      const report = await Promise.race([restore.run(redis, options), overdue(interrupt.received)]);
      line.end();
      const notes = notesOf(header, report, config.queue.prefix, { dryRun, overwrite });
      const data = { dryRun, ...report };
      return { data, text: summary(report, dryRun), notes: json ? [] : notes };
    });
  } catch (error) {
    if (signal.aborted) {
      const rest = isChecked && !dryRun ? 'a part may be restored: run it again' : 'nothing was written';
      throw new Failure('interrupted', `interrupted: ${rest}`);
    }
    if (error instanceof WrongBackup)
      throw new CommandError(EXIT.failed, 'wrong-backup', `${path}: ${error.message}. Nothing was written`);
    throw error;
  } finally {
    line.end();
    interrupt.dispose();
    await file?.close();
  }
}

/** Rejects when an interrupted restore has not ended by itself, such as while Redis does not answer. */
async function overdue(interrupted: Promise<unknown>): Promise<never> {
  await interrupted;
  await sleep(INTERRUPT_GRACE_MS, undefined, { ref: false });
  throw new Failure('interrupted', 'interrupted');
}

/** It is read twice, so it must be a file. @throws CommandError */
async function openFile(path: string): Promise<FileHandle> {
  const refuse = (why: string) =>
    new CommandError(EXIT.failed, 'no-file', `${path} ${why}: name a file that dpf backup wrote`);
  try {
    // Opening a pipe would wait for its other end.
    if ((await stat(path)).isFile()) return await open(path);
  } catch (error) {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw refuse('is no file');
}

const KINDS = [
  'keys',
  'schedules',
  'watchlists',
  'channels',
  'alerts',
  'people',
  'tracks',
  'tenants',
  'settings',
] as const;

/** A line for each kind. */
function summary(report: RestoreReport, dryRun: boolean): string {
  const verb = dryRun ? 'would be restored' : 'restored';
  const lines = KINDS.map((kind) => {
    const { restored, left } = report[kind];
    const parts = [`${numberText(restored.length)} ${verb}`];
    if (left.length > 0) parts.push(`${numberText(left.length)} there already`);
    if (kind === 'watchlists' && restored.length > 0)
      parts[0] += ` (${countText(report.watchlists.listings, 'listing')})`;
    if (kind !== 'tracks') return [kind, parts] as const;
    const { expired, listings } = report.tracks;
    if (restored.length > 0) parts[0] += ` (${countText(listings, 'listing')})`;
    if (expired.length > 0) parts.push(`${numberText(expired.length)} too old`);
    return [kind, parts] as const;
  });
  return lines.map(([kind, parts]) => `${kind.padEnd(10)} ${parts.join(', ')}`).join('\n');
}

/** Names in a note. */
const MAX_NAMED = 20;

function notesOf(
  { createdAt, prefix }: BackupHeader,
  report: RestoreReport,
  ownPrefix: string,
  { dryRun, overwrite }: { dryRun: boolean; overwrite: boolean },
): string[] {
  const notes = [`backup of ${instantText(createdAt)}`];
  if (prefix !== ownPrefix)
    notes.push(`it was made under the prefix ${echo(prefix)}; ${ownPrefix} is what this is restored under`);
  for (const kind of KINDS) {
    const { left } = report[kind];
    const more = left.length > MAX_NAMED ? ` and ${numberText(left.length - MAX_NAMED)} more` : '';
    if (left.length > 0)
      notes.push(`left as they are: ${kind} ${left.slice(0, MAX_NAMED).join(', ')}${more}`);
  }
  if (notes.some((note) => note.startsWith('left')) && !overwrite) notes.push('--overwrite replaces them');
  if (report.endedLoss !== null) {
    const { at, notInBackup } = report.endedLoss;
    notes.push(`dpf doctor reports the loss of ${instantText(at)} no longer`);
    if (notInBackup.length > 0) notes.push(`gone then, and not in this backup: ${notInBackup.join(', ')}`);
  }
  if (report.keys.restored.length > 0 && !dryRun)
    notes.push('keys that were revoked after the backup are valid again: see dpf keys list');
  return notes;
}
