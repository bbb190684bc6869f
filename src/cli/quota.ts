import { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { gateSettings } from '../ebay/gateSettings.ts';
import { quotaReport } from '../ebay/quotaReport.ts';
import { waitForRedis } from '../redis/connection.ts';
import { DependencyError } from './exit.ts';
import { forCallingTenant, forTenant, requireKeyset } from './forTenant.ts';
import { quietLog } from './quietLog.ts';
import { quotaText } from './quotaText.ts';
import { REDIS_WAIT_MS } from './requireRedis.ts';
import type { Terminal } from './terminal.ts';

interface Flags {
  reconcile?: boolean;
  tenant?: string;
  json?: boolean;
}

export function quotaCommand(terminal: Terminal): Command {
  return new Command('quota')
    .description('Show how many of today’s eBay calls are used, and who may call now.')
    .option('--reconcile', 'ask eBay for its own count first')
    .option('--tenant <name>', 'whose')
    .option('--json', 'print as JSON')
    .action((flags: Flags) => quota(terminal, flags));
}

async function quota(terminal: Terminal, { reconcile, tenant, json }: Flags): Promise<void> {
  const process = loadConfig();
  if (reconcile && tenant === undefined) requireKeyset(process);
  const { name, config } = await (reconcile ? forCallingTenant : forTenant)(process, tenant);
  const { openGate } = await import('../app.ts');
  const { gate, redis, reconcileNow, close } = openGate(config, quietLog(), name);
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    if (reconcile && !(await reconcileNow()))
      throw new DependencyError('quota-not-told', 'eBay did not tell its count now; try again later');
    const report = quotaReport(await gate.read(), gateSettings(config).shares);
    terminal.print(json ? JSON.stringify(report, null, 2) : quotaText(report, terminal, Date.now()));
  } finally {
    close();
  }
}
