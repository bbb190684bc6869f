import { settings } from '../config/schema.ts';
import { claimedId } from '../http/auth/apiKeys.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { UsageError } from './exit.ts';

/** Options, in any spelling, by which people would pass a secret. */
const SECRET_OPTION =
  /^--?(ebay-?)?((client|app|cert|dev)-?id|(client-?|app-?)?secret|(access-?)?token|password|passwd|api-?key|authorization|encryption-?keys?|redis(-?url|-?password)?)(=|$)/i;

/** Arguments are visible to every user of the machine (`ps`). @throws UsageError that does not repeat the value */
export function refuseSecrets(args: readonly string[]): void {
  const secretSettings = new Set(settings().flatMap(({ env, sensitive }) => (sensitive ? [env] : [])));
  for (const arg of args) {
    if (arg === '--') return;
    const keyId = claimedId(arg);
    if (keyId !== undefined)
      throw new UsageError(
        `an API key is not accepted as an argument, because arguments are visible in ps: use its id, ${keyId}`,
      );
    const name = arg.replace(/=.*$/s, '');
    if (SECRET_OPTION.test(arg) || (arg.includes('=') && secretSettings.has(name)))
      throw new UsageError(
        `${name} is not accepted as an argument, because arguments are visible in ps: pass secrets by environment or file (…_FILE)`,
      );
  }
}

/** Masks this process's secrets in an error that may hold anything. Loads the configuration; never throws. */
export async function processScrubber(): Promise<Scrubber> {
  const { Scrubber } = await import('../telemetry/scrubber.ts');
  const { secretsOf, secretsOfEnvironment } = await import('../config/secrets.ts');
  const { loadConfig } = await import('../config/load.ts');
  const scrubber = new Scrubber();
  try {
    scrubber.learn(secretsOf(loadConfig()));
  } catch {
    scrubber.learn(secretsOfEnvironment());
  }
  return scrubber;
}
