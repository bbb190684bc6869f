import type { Config } from './config.ts';
import { environment } from './environment.ts';
import { withSecretFiles } from './files.ts';
import { settings } from './schema.ts';

/** Every secret of this configuration, for the scrubber: each sensitive setting taken apart, and the Basic pair. */
export function secretsOf(config: Config): string[] {
  const values = settings().flatMap(({ path, sensitive }) => {
    if (!sensitive) return [];
    const [group, name] = path.split('.') as [string, string];
    return [String((config as unknown as Record<string, Record<string, unknown>>)[group]?.[name] ?? '')];
  });
  const { clientId, clientSecret } = config.ebay;
  return [...values.flatMap(secretParts), `${clientId}:${clientSecret}`];
}

/** The same of an environment that may be no valid configuration: what an error that ends the process may show. */
export function secretsOfEnvironment(): string[] {
  const { env } = withSecretFiles(environment());
  return settings().flatMap(({ env: variable, sensitive }) =>
    sensitive ? secretParts((env[variable] ?? '').trim()) : [],
  );
}

/** Of a URL the password, as written and decoded; else the whole, and of a list `name:secret,…` each secret. */
function secretParts(value: string): string[] {
  if (value.includes('://')) {
    const password = /:\/\/[^/]*?:(.*)@/.exec(value)?.[1] ?? '';
    return [password, decoded(password)];
  }
  return value
    .split(/[,\s]+/)
    .flatMap((entry) => [entry, entry.slice(entry.indexOf(':') + 1)])
    .concat(value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
