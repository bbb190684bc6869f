import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import type { Logger } from '../telemetry/logger.ts';
import { DEFAULT_TENANT } from '../tenants/declaration.ts';
import type { Snapshot } from '../tenants/snapshot.ts';

/** Names in WORKER_TENANTS; empty: all. */
export function chosenTenants({ worker }: Config): string[] {
  return worker.tenants
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/**
 * A worker needs a keyset: the environment's, which may be absent altogether where tenants have theirs.
 * @throws ConfigError
 */
export function requireKeyset(config: Config): void {
  const chosen = chosenTenants(config);
  if (chosen.length > 0 && !chosen.includes(DEFAULT_TENANT)) return;
  if (hasNone(config) && config.tenant.file !== '' && chosen.length === 0) return;
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
}

function hasNone({ ebay }: Config): boolean {
  return ebay.clientId === '' && ebay.clientSecret === '';
}

/** Tells once which tenants this process cannot work for, and why. */
export class Obstacles {
  readonly #chosen: readonly string[];
  readonly #log: Logger;
  readonly #told = new Map<string, string>();

  constructor(config: Config, log: Logger) {
    this.#chosen = chosenTenants(config);
    this.#log = log;
  }

  tell({ tenants }: Snapshot): void {
    for (const { name, obstacle, config } of tenants.values()) {
      const isOurs = this.#chosen.length === 0 || this.#chosen.includes(name);
      if (!isOurs || obstacle === undefined || (name === DEFAULT_TENANT && hasNone(config)))
        this.#told.delete(name);
      else if (this.#told.get(name) !== obstacle) {
        this.#told.set(name, obstacle);
        this.#log.error('tenant cannot be served here', { tenant: name, reason: obstacle });
      }
    }
    for (const name of this.#chosen)
      if (!tenants.has(name) && !this.#told.has(name)) {
        this.#told.set(name, 'unknown');
        this.#log.warn('WORKER_TENANTS names a tenant that is not declared yet', { tenant: name });
      }
  }
}
