import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { TokenStatus } from '../ebay/oauth/service.ts';
import { withBecause } from '../failures.ts';
import { waitForRedis } from '../redis/connection.ts';
import { durationText } from '../text/values.ts';
import { forCallingTenant, quietLog, REDIS_WAIT_MS } from './commandSetup.ts';
import { UsageError } from './exit.ts';
import { fieldLines } from './table.ts';
import { printData, type Terminal } from './terminal.ts';

interface Flags {
  refresh?: boolean;
  clear?: boolean;
  tenant?: string;
  json?: boolean;
}

export function command(terminal: Terminal): Command {
  return new Command('token')
    .description('Show the state of the fleet’s eBay token; never the token itself.')
    .option('--refresh', 'get a new one from eBay, which checks the keyset')
    .option('--clear', 'forget the token and any cool-down; the next call gets a new one')
    .option('--tenant <name>', 'tenant whose token it is')
    .option('--json', 'print as JSON')
    .action((flags: Flags) => token(terminal, flags));
}

async function token(terminal: Terminal, { refresh, clear, tenant, json }: Flags): Promise<void> {
  if (refresh && clear) throw new UsageError('give --refresh or --clear, not both');
  const { name, config } = await forCallingTenant(loadConfig(), tenant);
  const { openAuth } = await import('../app/client.ts');
  const { auth, redis, close } = openAuth(config, quietLog(), name);
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    if (clear) await auth.clear();
    if (refresh) await auth.refreshToken();
    const status = await auth.status();
    const coolDown = status.coolDown && withBecause(status.coolDown);
    printData(terminal, json, { ...status, coolDown }, statusText(status, terminal));
  } finally {
    close();
  }
}

function statusText(status: TokenStatus, terminal: Terminal): string {
  const { source, miss, age, expiresIn, usableFor, mintsToday, dailyMintLimit, coolDown, scopes } = status;
  const times = [
    ['age', seconds(age)],
    ['in use for', seconds(usableFor)],
    ['expires at eBay in', seconds(expiresIn)],
  ] as const;
  const refused = status.credentialRefused ? ', refused by eBay' : '';
  return fieldLines(
    [
      ['token', source === 'none' ? `none (${miss ?? 'not requested yet'})` : `in ${source}`],
      ...(source === 'none' ? [] : times),
      ['token requests today', `${mintsToday} of at most ${dailyMintLimit}`],
      ['cool-down', coolDown === null ? 'none' : `${coolDown.reason}, until ${coolDown.until}`],
      ['credential', `${status.environment}, ${status.credential}${refused}`],
      ['scopes', scopes],
      ['kept', status.encrypted ? 'encrypted' : 'as plain JSON'],
    ],
    terminal,
  );
}

function seconds(value: number | null): string {
  return value === null ? '–' : durationText(value * 1000);
}
