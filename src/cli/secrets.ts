import { UsageError } from './exit.ts';

/** Options, in any spelling, by which people would hand over what `ps` must not show. */
const SECRET_OPTION =
  /^--?(ebay-?)?((client|app|cert|dev)-?id|(client-?|app-?)?secret|(access-?)?token|password|passwd|api-?key|authorization|encryption-?keys?|redis(-?url|-?password)?)(=|$)/i;

/** A setting that is a secret, written as an argument. */
const SECRET_SETTING = /^(EBAY_CLIENT_SECRET|TOKEN_ENCRYPTION_KEYS|REDIS_URL)=/;

/** @throws UsageError that does not repeat the value. */
export function refuseSecrets(args: readonly string[]): void {
  for (const arg of args) {
    if (arg === '--') return;
    const name = arg.replace(/=.*$/s, '');
    if (SECRET_OPTION.test(arg) || SECRET_SETTING.test(arg))
      throw new UsageError(
        `${name} is not taken as an argument: pass secrets by environment or file (CONFIG_FILE); arguments are visible in ps`,
      );
  }
}
