import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config, ConfigProblem } from './config.ts';
import { schema, settings } from './schema.ts';

/** Longer words are compared by their beginning: the cost grows with the square, and the word may be anyone's. */
const COMPARED_LENGTH = 64;

/** The candidate that a typing error most likely meant, or undefined when none is near. */
export function closestWord(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.slice(0, COMPARED_LENGTH).toLowerCase();
  if (wanted === '') return undefined;
  let best = candidates.find((candidate) => candidate.toLowerCase().startsWith(wanted));
  if (best !== undefined) return best;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Group → setting → value, as written. */
export type Content = Record<string, Record<string, unknown>>;

export interface ConfigFile {
  path: string;
  content: Content;
}

/** One JSON file of settings, and everything that is wrong with its form. Problems show nothing of its content. */
export function readConfigFile(path: string): { content: Content; problems: ConfigProblem[] } {
  const read = readJsonObject(path, 'CONFIG_FILE');
  if ('problem' in read) return { content: {}, problems: [read.problem] };
  return { content: read.content as Content, problems: unknownKeys(path, read.content) };
}

/** A file that holds one JSON object. @param variable the setting that names the file, if one does */
export function readJsonObject(
  path: string,
  variable?: string,
): { content: Record<string, unknown> } | { problem: ConfigProblem } {
  const refused = (message: string) => ({ problem: { name: path, message } });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const remedy = variable === undefined ? '' : `: set ${variable} to a JSON file`;
    return refused(`cannot be read (${(error as NodeJS.ErrnoException).code})${remedy}`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return refused(`is not JSON: see line ${brokenAt(text, (error as Error).message)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    return refused('must hold one JSON object');
  return { content: content as Record<string, unknown> };
}

/**
 * `line:column` where a text stops being JSON. The parser's own message is no answer: it quotes the text, which may be a
 * secret, and where it quotes it gives no position. So the shortest beginning that fails in the same way is looked for.
 */
function brokenAt(text: string, message: string): string {
  const told = /position (\d+)/.exec(message)?.[1];
  let [fine, broken] = [0, text.length];
  while (told === undefined && fine + 1 < broken) {
    const middle = Math.floor((fine + broken) / 2);
    if (isBroken(text.slice(0, middle))) broken = middle;
    else fine = middle;
  }
  const lines = text.slice(0, told === undefined ? fine : Number(told)).split('\n');
  return `${lines.length}:${(lines.at(-1) ?? '').length + 1}`;
}

/** Not merely unfinished. */
function isBroken(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return false;
  } catch (error) {
    return (error as Error).message.startsWith('Unexpected token');
  }
}

/** Groups and settings that do not exist. @param path of the file, for the problems */
export function unknownKeys(path: string, content: object): ConfigProblem[] {
  const known = settings().map((setting) => setting.path);
  const groups = Object.keys(schema);
  const problems: ConfigProblem[] = [];
  const refuse = (key: string, candidates: string[]) => {
    const near = closestWord(key, candidates);
    problems.push({
      name: `${path}: ${key}`,
      message: `is not a setting${near === undefined ? '' : `; did you mean ${near}?`}`,
    });
  };
  for (const [group, keys] of Object.entries(content)) {
    if (!groups.includes(group)) refuse(group, groups);
    else if (typeof keys !== 'object' || keys === null || Array.isArray(keys))
      problems.push({ name: `${path}: ${group}`, message: 'must be an object of settings' });
    else
      for (const name of Object.keys(keys))
        if (!known.includes(`${group}.${name}`)) refuse(`${group}.${name}`, known);
  }
  return problems;
}

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

type Tls = Pick<Config['redis'], 'tlsCa' | 'tlsCert' | 'tlsKey'>;

/** What the files of the TLS settings hold, each where its setting names one. */
export interface TlsFiles {
  ca?: string;
  cert?: string;
  key?: string;
}

/** @throws Error of the file system; `tlsProblems` tells beforehand. */
export function readTlsFiles({ tlsCa, tlsCert, tlsKey }: Tls): TlsFiles {
  return {
    ...(tlsCa === '' ? {} : { ca: readFileSync(tlsCa, 'utf8') }),
    ...(tlsCert === '' ? {} : { cert: readFileSync(tlsCert, 'utf8') }),
    ...(tlsKey === '' ? {} : { key: readFileSync(tlsKey, 'utf8') }),
  };
}

/** What is wrong with the TLS settings: told at start, not by a connection that never comes. */
export function tlsProblems({ redis, ebay }: Pick<Config, 'redis' | 'ebay'>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!redis.tlsVerify && ebay.environment === 'production')
    problems.push({
      name: 'REDIS_TLS_VERIFY',
      message: 'is false, but in production Redis’s certificate must be checked: set REDIS_TLS_CA instead',
    });
  if ((redis.tlsCert === '') !== (redis.tlsKey === ''))
    problems.push({ name: 'REDIS_TLS_CERT', message: 'and REDIS_TLS_KEY belong together: set both' });
  for (const [name, path] of [
    ['REDIS_TLS_CA', redis.tlsCa],
    ['REDIS_TLS_CERT', redis.tlsCert],
    ['REDIS_TLS_KEY', redis.tlsKey],
  ] as const) {
    const problem = path === '' ? undefined : fileProblem(path, name === 'REDIS_TLS_KEY');
    if (problem !== undefined) problems.push({ name, message: problem });
  }
  return problems.length > 0 ? problems : pairProblem(redis);
}

function fileProblem(path: string, isKey: boolean): string | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    return `is ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  try {
    if (!isKey) new X509Certificate(content);
    return undefined;
  } catch {
    return `is ${path}, which holds no PEM certificate`;
  }
}

function pairProblem(redis: Tls): ConfigProblem[] {
  try {
    createSecureContext(readTlsFiles(redis));
    return [];
  } catch {
    return [
      { name: 'REDIS_TLS_KEY', message: 'does not hold the PEM key of the certificate in REDIS_TLS_CERT' },
    ];
  }
}
