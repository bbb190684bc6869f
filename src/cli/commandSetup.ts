import { Writable } from 'node:stream';
import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import type { openEbay } from '../app/client.ts';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { FleetStore } from '../fleet/fleetStore.ts';
import type { Tenant } from '../fleet/snapshot.ts';
import type { SearchProducer } from '../queue/producer.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { redisFailure } from '../redis/failure.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** What a command prints: `data` with `--json`, else `text`, and `notes` on stderr. Without an exit code it is 0. */
export interface Answer {
  data: unknown;
  text?: string;
  /** `text` is a file: its last line has its end. */
  isFile?: boolean;
  notes?: readonly string[];
  exit?: ExitCode;
}

/** Completes a command by `--json` and by what it answers. */
export function answering<Flags extends object>(
  command: Command,
  terminal: Terminal,
  answer: (flags: Flags & { json?: boolean }, ...args: string[]) => Answer | Promise<Answer>,
): Command {
  return command.option('--json', 'print as JSON').action(async () => {
    const flags = command.optsWithGlobals<Flags & { json?: boolean }>();
    const {
      data,
      text,
      isFile,
      notes = [],
      exit = EXIT.done,
    } = await answer(flags, ...command.processedArgs);
    const shown = flags.json ? JSON.stringify(data, null, 2) : text;
    if (shown !== undefined) terminal.print(shown, isFile && !flags.json ? '' : undefined);
    for (const note of notes) terminal.note(note);
    terminal.exit = exit;
  });
}

/** Ms. A command reports within 2 s that Redis does not answer; its own start takes the rest of them. */
const REDIS_WAIT_MS = 1000;

/**
 * Runs `use` on a connection that has answered. Before, nothing is loaded that takes longer than a connection.
 * @throws Failure `redis-unavailable`
 */
export async function withRedis<T>(config: Config, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = openRedis(config.redis, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    return await use(redis);
  } catch (error) {
    // Redis may go away at any of its commands.
    throw redisFailure(error) ?? error;
  } finally {
    redis.disconnect();
  }
}

/** What the fleet runs, and which process runs what. @throws Failure `redis-unavailable` */
export function withFleet<T>(use: (fleet: FleetStore, config: Config) => Promise<T>): Promise<T> {
  const config = loadConfig();
  return withRedis(config, (redis) => use(new FleetStore(redis, config.queue.prefix), config));
}

/**
 * The tenant that a command is about, with the settings that the fleet runs.
 * @throws Failure `redis-unavailable`, `tenant_not_found`
 */
export function withTenant<T>(
  config: Config,
  name: string | undefined,
  use: (tenant: Tenant, redis: Redis) => Promise<T>,
): Promise<T> {
  return withRedis(config, async (redis) => {
    const { readTenant } = await import('../fleet/fleetConfig.ts');
    return use(await readTenant(redis, config, name ?? 'default'), redis);
  });
}

/**
 * Its token and call gate.
 * @param needsKeyset whether the command calls eBay. @throws ConfigError where the keyset cannot be used for it
 */
export async function withEbay<T>(
  name: string | undefined,
  needsKeyset: boolean | undefined,
  use: (ebay: ReturnType<typeof openEbay>, config: Config) => Promise<T>,
): Promise<T> {
  const config = loadConfig();
  // The keyset of the environment can be checked without Redis.
  const problems = needsKeyset && name === undefined ? credentialProblems(config) : [];
  if (problems.length > 0) throw new ConfigError(problems);
  return withTenant(config, name, async (tenant, redis) => {
    if (needsKeyset && tenant.unavailableReason !== undefined)
      throw new ConfigError([{ name: `tenant ${tenant.name}:`, message: tenant.unavailableReason }]);
    const { openEbay } = await import('../app/client.ts');
    const ebay = openEbay(tenant.config, quietLog(), { tenant: tenant.name, redis });
    try {
      const answer = await use(ebay, tenant.config);
      // Token and gate report what they know without Redis; that is not what Redis holds.
      await redis.ping();
      return answer;
    } finally {
      ebay.close();
    }
  });
}

/** Its producer and settings. @throws Failure `redis-unavailable`, `tenant_not_found` */
export function withProducer<T>(
  process: Config,
  tenant: string | undefined,
  use: (producer: SearchProducer, config: Config) => Promise<T>,
): Promise<T> {
  return withTenant(process, tenant, async ({ name, config }, redis) => {
    const { openProducer } = await import('../app/producer.ts');
    const producer = openProducer(config, { tenant: name, log: quietLog(), redis });
    try {
      return await use(producer, config);
    } finally {
      await producer.close();
    }
  });
}

/** For commands that report errors themselves. */
export function quietLog(): LogRoot {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return new LogRoot({ level: 'error', levels: '', format: 'json' }, nowhere);
}
