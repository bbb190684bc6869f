import { settings } from '../config/schema.ts';
import { claimedId } from '../http/apiKeys.ts';
import { UsageError } from './exit.ts';

/** Options, in any spelling, by which people would hand over what `ps` must not show. */
const SECRET_OPTION =
  /^--?(ebay-?)?((client|app|cert|dev)-?id|(client-?|app-?)?secret|(access-?)?token|password|passwd|api-?key|authorization|encryption-?keys?|redis(-?url|-?password)?)(=|$)/i;

/** @throws UsageError that does not repeat the value. */
export function refuseSecrets(args: readonly string[]): void {
  const secretSettings = new Set(settings().flatMap(({ env, sensitive }) => (sensitive ? [env] : [])));
  for (const arg of args) {
    if (arg === '--') return;
    const keyId = claimedId(arg);
    if (keyId !== undefined)
      throw new UsageError(
        `an API key is not taken as an argument, for arguments are visible in ps: call it by its id, ${keyId}`,
      );
    const name = arg.replace(/=.*$/s, '');
    if (SECRET_OPTION.test(arg) || (arg.includes('=') && secretSettings.has(name)))
      throw new UsageError(
        `${name} is not taken as an argument: pass secrets by environment or file (…_FILE); arguments are visible in ps`,
      );
  }
}
