import { Command } from 'commander';
import type { ComplianceReport, DeletionsReport, StoredKind } from '../app/compliance.ts';
import { loadConfig } from '../config/load.ts';
import { Failure } from '../failures.ts';
import type { ErasedKind } from '../fleet/accountDeletion.ts';
import { countText, durationText, instantText, numberText } from '../text/values.ts';
import { type Answer, answering, withTenant } from './commandSetup.ts';
import { EXIT } from './exit.ts';
import { onInterrupt } from './signals.ts';
import { table } from './table.ts';
import { harmless, progressLine, type Terminal } from './terminal.ts';

export function command(terminal: Terminal): Command {
  const compliance = new Command('compliance')
    .description(
      'Count what Redis holds of eBay’s answers: since when, until when, and whether anything outlives its limit.',
    )
    .addHelpText('after', AFTER_HELP);
  return answering(compliance, terminal, ({ json }: { json?: boolean }) => check(terminal, json));
}

const AFTER_HELP = `
Changes nothing, and calls eBay for nothing. With config/redis/users.acl, run it as the user worker. What the limits have to do with
eBay's terms: docs/licence.md

Exit codes: 0 nothing outlives its limit · 1 something does · 4 Redis does not answer`;

const REMEDY =
  'start a worker, or restart those that run: a worker removes it within a minute of its start. If it stays, look in the worker’s ' +
  'log for "duty failed": its user of Redis needs +scan (config/redis/users.acl)';

async function check(terminal: Terminal, json = false): Promise<Answer> {
  const interrupt = onInterrupt();
  const progress = progressLine(terminal);
  try {
    const { ComplianceCheck } = await import('../app/compliance.ts');
    return await withTenant(loadConfig(), undefined, async ({ config }, redis) => {
      const checking = new ComplianceCheck(redis, config);
      // Elsewhere than on a terminal each change is a line.
      if (terminal.live) progress.show(() => `${countText(checking.looked, 'key')} looked at`);
      const report = await checking.report(interrupt.signal).catch((error: Error) => {
        throw error.message.startsWith('NOPERM') ? forbidden() : error;
      });
      progress.end();
      const exit = report.outlived > 0 ? EXIT.failed : EXIT.done;
      return { data: report, text: complianceText(report, terminal), notes: json ? [] : report.notes, exit };
    });
  } catch (error) {
    if (interrupt.signal.aborted) throw new Failure('interrupted', 'interrupted');
    throw error;
  } finally {
    progress.end();
    interrupt.dispose();
  }
}

function forbidden(): Failure {
  const remedy = 'use the user worker of config/redis/users.acl';
  return new Failure('redis-unavailable', `this user of Redis may not see what is stored: ${remedy}`, {
    remedy,
  });
}

export function complianceText(report: ComplianceReport, terminal: Terminal): string {
  const { kinds, otherKeys, outlived, deletions } = report;
  const rows = kinds.map(({ what, count, since, until, limitSeconds, outlived: over }) => [
    what,
    numberText(count),
    since === null ? '–' : instantText(since),
    until === null ? '–' : instantText(until),
    durationText(limitSeconds * 1000),
    over === 0 ? terminal.paint('green', '0') : terminal.paint('red', numberText(over)),
  ]);
  const head = ['stored', 'number', 'since', 'gone by', 'limit', 'too old'];
  const colAligns: Array<'left' | 'right'> = ['left', 'right', 'left', 'left', 'right', 'right'];
  const others = `Other keys: ${numberText(otherKeys)} (configuration, schedules, API keys, waiting jobs, counts)`;
  const verdict =
    outlived === 0
      ? terminal.paint('green', 'nothing outlives its limit')
      : [...kinds.filter((each) => each.outlived > 0).map(problemText), `What to do: ${REMEDY}`].join('\n');
  return `${table(rows, terminal, { head, colAligns })}\n\n${others}\n\n${deletionsText(deletions)}\n\n${verdict}`;
}

function deletionsText({ missing, url, pending, recent, found }: DeletionsReport): string {
  const address =
    missing.length === 0
      ? `arrive at ${harmless(url)}`
      : `are not taken: ${missing.join(' and ')} not set here. Opt out at eBay, or subscribe: docs/data.md`;
  const counts =
    recent === 0
      ? []
      : [`  in 30 days: ${numberText(recent)}, of which ${numberText(pending)} are not erased yet`];
  const records = found.map(({ notificationId, receivedAt, erasedAt, erased }) => {
    const parts = Object.entries(erased).flatMap(([kind, count]) =>
      count === 0 ? [] : [`${ERASED_WORDS[kind as ErasedKind]} ${numberText(count)}`],
    );
    const times = `came ${instantText(receivedAt)}, erased ${erasedAt === null ? '–' : instantText(erasedAt)}`;
    return `  ${harmless(notificationId)}: ${times}: ${parts.join(', ')}`;
  });
  return [`Account-deletion notices ${address}`, ...counts, ...records].join('\n');
}

const ERASED_WORDS: Record<ErasedKind, string> = {
  searches: 'searches',
  schedulesChanged: 'schedules changed',
  schedulesRemoved: 'schedules removed',
  watchlists: 'places in watchlists',
  other: 'other places',
};

function problemText({ what, outlived, limitSeconds, settings, keys }: StoredKind): string {
  const limit = `${durationText(limitSeconds * 1000)} (${settings.join(' and ')})`;
  return `${what}: ${numberText(outlived)} older than ${limit}, in ${keys.map(harmless).join(', ')}`;
}
