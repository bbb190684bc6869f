import { type Config, type ConfigProblem, type Content, environment } from './config.ts';
import { NOT_UTF8, readText } from './files.ts';
import { settings } from './schema.ts';

/** Ends the name of a variable that names a file with a secret, as container platforms mount them. */
export const FILE_SUFFIX = '_FILE';

/**
 * The environment, with the content of the files that `…_FILE` variables of secrets name under the secrets' own variables.
 * `fromFiles` names these. Space around a secret is not part of it. Problems never show a value: people write the secret
 * itself there.
 */
export function withSecretFiles(env: NodeJS.ProcessEnv) {
  const read: Record<string, string> = {};
  const problems: ConfigProblem[] = [];
  for (const { env: variable, sensitive } of settings()) {
    const name = `${variable}${FILE_SUFFIX}`;
    const path = env[name];
    if (!sensitive || path === undefined) continue;
    const secret =
      env[variable] === undefined
        ? readSecretFile(path)
        : { problem: `is set, and so is ${variable}: set only one of them` };
    if ('problem' in secret) problems.push({ name, message: secret.problem });
    else read[variable] = secret.text;
  }
  return { env: { ...env, ...read }, fromFiles: new Set(Object.keys(read)), problems };
}

/** A file that holds one secret and nothing else. A problem ends the sentence that names the file, and shows no content. */
export function readSecretFile(path: string): { text: string } | { problem: string } {
  try {
    const text = readText(path)?.trim();
    if (text === undefined) return { problem: `names a file that ${NOT_UTF8}` };
    if (text === '') return { problem: 'names an empty file: put the secret there' };
    if (!/[\r\n\0]/.test(text)) return { text };
    return { problem: 'names a file of several lines: it must hold nothing but the secret' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = `cannot be read (${code}): it must hold the path of a file with nothing but the secret`;
    return { problem };
  }
}

/** Every secret of this configuration, for the scrubber: the parts of each sensitive setting, and the Basic pair. */
export function secretsOf(config: Config): string[] {
  const values = settings().flatMap(({ group, name, sensitive }) =>
    sensitive ? secretParts(String((config as unknown as Content)[group]?.[name] ?? '')) : [],
  );
  return [...values, `${config.ebay.clientId}:${config.ebay.clientSecret}`];
}

/** The secrets of an environment that may be no valid configuration: for errors that end the process. */
export function secretsOfEnvironment(): string[] {
  const { env } = withSecretFiles(environment());
  return settings().flatMap(({ env: variable, sensitive }) =>
    sensitive ? secretParts((env[variable] ?? '').trim()) : [],
  );
}

/**
 * Of a URL the password, of a proxy's without a password the user, as written and decoded; else the whole, and of a list
 * `name:secret,…` each secret.
 */
function secretParts(value: string): string[] {
  if (value.includes('://')) {
    const user = /^https?:\/\/([^:]*)@/i.exec(value)?.[1] ?? '';
    const password = /:\/\/[^/]*?:(.*)@/.exec(value)?.[1] ?? user;
    return [password, decoded(password)];
  }
  return value
    .split(/[,\s]+/)
    .flatMap((entry) => [entry, entry.slice(entry.indexOf(':') + 1)])
    .concat(value);
}

/** Percent-decoded where it is well formed. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
