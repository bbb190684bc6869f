import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import type { TokenStatus } from '../ebay/oauth/service.ts';
import { waitForRedis } from '../redis/connection.ts';
import { forCallingTenant, quietLog, REDIS_WAIT_MS, requireKeyset } from './commandSetup.ts';
import { UsageError } from './exit.ts';
import type { Terminal } from './terminal.ts';

interface Flags {
  refresh?: boolean;
  clear?: boolean;
  tenant?: string;
  json?: boolean;
}

export function tokenCommand(terminal: Terminal): Command {
  return new Command('token')
    .description('Show how the fleet’s eBay token stands; never the token itself.')
    .option('--refresh', 'get a new one from eBay, which checks the keyset')
    .option('--clear', 'forget the token and any cool-down; the next call gets a new one')
    .option('--tenant <name>', 'whose')
    .option('--json', 'print as JSON')
    .action((flags: Flags) => token(terminal, flags));
}

async function token(terminal: Terminal, { refresh, clear, tenant, json }: Flags): Promise<void> {
  if (refresh && clear) throw new UsageError('give --refresh or --clear, not both');
  const process = loadConfig();
  if (tenant === undefined) requireKeyset(process);
  const { name, config } = await forCallingTenant(process, tenant);
  const { openAuth } = await import('../app/client.ts');
  const { auth, redis, close } = openAuth(config, quietLog(), name);
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    if (clear) await auth.clear();
    if (refresh) await auth.refreshToken();
    const status = await auth.status();
    terminal.print(json ? JSON.stringify(status, null, 2) : statusText(status, terminal));
  } finally {
    close();
  }
}

export function statusText(status: TokenStatus, { paint }: Terminal): string {
  const { source, miss, age, expiresIn, usableFor, mintsToday, dailyMintLimit, coolDown, scopes } = status;
  const rows: Array<[string, string]> = [
    ['token', source === 'none' ? `none (${miss ?? 'not asked for yet'})` : `in ${source}`],
    ...(source === 'none'
      ? []
      : ([
          ['age', duration(age)],
          ['in use for', duration(usableFor)],
          ['expires at eBay in', duration(expiresIn)],
        ] as Array<[string, string]>)),
    ['token requests today', `${mintsToday} of at most ${dailyMintLimit}`],
    ['cool-down', coolDown === null ? 'none' : `${coolDown.reason}, until ${coolDown.until}`],
    [
      'credential',
      `${status.environment}, ${status.credential}${status.credentialRefused ? ', refused by eBay' : ''}`,
    ],
    ['scopes', scopes],
    ['kept', status.encrypted ? 'encrypted' : 'as plain JSON'],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${value}`).join('\n');
}

/** `1 h 52 min`, `4 min 10 s`, `9 s`. */
function duration(seconds: number | null): string {
  if (seconds === null) return '–';
  const whole = Math.max(0, Math.round(seconds));
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return `${h} h ${min} min`;
  return min > 0 ? `${min} min ${s} s` : `${s} s`;
}
