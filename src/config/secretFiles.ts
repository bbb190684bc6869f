import { readFileSync } from 'node:fs';
import type { ConfigProblem } from './config.ts';
import { settings } from './schema.ts';

/** What stands behind a secret's variable where a file holds the secret, as container platforms mount them. */
export const FILE_SUFFIX = '_FILE';

export interface WithSecrets {
  /** The environment, with what the files hold under the secrets' own variables. */
  env: NodeJS.ProcessEnv;
  /** Variables whose value is from a file. */
  fromFiles: ReadonlySet<string>;
  /** Name the variable and never what it holds: people put the secret itself there. */
  problems: ConfigProblem[];
}

/** Reads the files that `…_FILE` variables of secrets name. One newline at the end is not part of the secret. */
export function withSecretFiles(env: NodeJS.ProcessEnv): WithSecrets {
  const read: Record<string, string> = {};
  const problems: ConfigProblem[] = [];
  for (const { env: variable, sensitive } of settings()) {
    const name = `${variable}${FILE_SUFFIX}`;
    const path = env[name];
    if (!sensitive || path === undefined) continue;
    const secret = env[variable] === undefined ? contentOf(path) : undefined;
    if (secret === undefined)
      problems.push({ name, message: `is set, and so is ${variable}: set only one of them` });
    else if ('refused' in secret) problems.push({ name, message: secret.refused });
    else read[variable] = secret.text;
  }
  return { env: { ...env, ...read }, fromFiles: new Set(Object.keys(read)), problems };
}

function contentOf(path: string): { text: string } | { refused: string } {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return {
      refused: `cannot be read (${code}): it must hold the path of a file with nothing but the secret`,
    };
  }
  const text = content.replace(/\r?\n$/, '');
  if (text.trim() === '') return { refused: 'names an empty file: put the secret there' };
  if (/[\r\n\0]/.test(text))
    return { refused: 'names a file of several lines: it must hold nothing but the secret' };
  return { text };
}
