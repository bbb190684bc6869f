import { Command } from 'commander';
import type { TokenStatus } from '../ebay/oauth/service.ts';
import { withBecause } from '../failures.ts';
import { durationText } from '../text/values.ts';
import { answering, withEbay } from './commandSetup.ts';
import { UsageError } from './exit.ts';
import { fieldLines } from './table.ts';
import type { Terminal } from './terminal.ts';

type Flags = { refresh?: boolean; clear?: boolean; tenant?: string };

export function command(terminal: Terminal): Command {
  const token = new Command('token')
    .description('Show the state of the fleet’s eBay token; never the token itself.')
    .option('--refresh', 'get a new one from eBay, which checks the keyset')
    .option('--clear', 'forget the token and any cool-down; the next call gets a new one')
    .option('--tenant <name>', 'tenant whose token it is');
  return answering(token, terminal, ({ refresh, clear, tenant }: Flags) => {
    if (refresh && clear) throw new UsageError('give --refresh or --clear, not both');
    return withEbay(tenant, true, async ({ auth }) => {
      if (clear) await auth.clear();
      if (refresh) await auth.refreshToken();
      const status = await auth.status();
      const coolDown = status.coolDown && withBecause(status.coolDown);
      return { data: { ...status, coolDown }, text: statusText(status, terminal) };
    });
  });
}

function statusText(status: TokenStatus, terminal: Terminal): string {
  const { source, miss, age, expiresIn, usableFor, mintsToday, dailyMintLimit, coolDown, scopes } = status;
  const times = [
    ['age', seconds(age)],
    ['in use for', seconds(usableFor)],
    ['expires at eBay in', seconds(expiresIn)],
  ] as const;
  const refused = status.credentialRefused ? ', refused by eBay' : '';
  return fieldLines(terminal, [
    ['token', source === 'none' ? `none (${miss ?? 'not requested yet'})` : `in ${source}`],
    ...(source === 'none' ? [] : times),
    ['token requests today', `${mintsToday} of at most ${dailyMintLimit}`],
    ['cool-down', coolDown === null ? 'none' : `${coolDown.reason}, until ${coolDown.until}`],
    ['credential', `${status.environment}, ${status.credential}${refused}`],
    ['scopes', scopes],
    ['kept', status.encrypted ? 'encrypted' : 'as plain JSON'],
  ]);
}

function seconds(value: number | null): string {
  return value === null ? '–' : durationText(value * 1000);
}
