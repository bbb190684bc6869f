import { createRequire } from 'node:module';
import type Convict from 'convict';
import { crossChecks } from './checks.ts';
import {
  type Config,
  ConfigError,
  type ConfigProblem,
  type Content,
  defaultConfig,
  environment,
  withValues,
} from './config.ts';
import { didYouMean, readConfigFile, unknownKeys } from './files.ts';
import { FORMATS, type Format } from './formats.ts';
import { type Setting, schema, settings } from './schema.ts';
import { FILE_SUFFIX, withSecretFiles } from './secrets.ts';
import { mistakeIn, PASTED_LINE } from './written.ts';

export interface ConfigSources {
  /** Environment variables; they win over files, and `…_FILE` may name a file for a secret. Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** JSON files, later ones win. Default: the paths in `CONFIG_FILE`, separated by commas. */
  files?: string[];
  /** Receives one line for each deprecated variable that is set. Default: a `DeprecationWarning` of the process. */
  warn?: (line: string) => void;
}

/**
 * Reads defaults, files and environment, in this order, and checks the whole.
 * @throws ConfigError naming each wrong variable, its value (never a secret's) and what is allowed.
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  return loadWithOrigins(sources).config;
}

/**
 * The same, and where each setting that is written comes from, by its path: `EBAY_CLIENT_ID_FILE` or `/etc/dpf.json`.
 * @throws ConfigError as `loadConfig` does
 */
export function loadWithOrigins(sources: ConfigSources = {}): {
  config: Config;
  origins: ReadonlyMap<string, string>;
} {
  const origins = new Map<string, string>();
  const warn = sources.warn ?? ((line) => process.emitWarning(line, 'DeprecationWarning'));
  const { env, fromFiles, problems } = withSecretFiles(withoutEmpty(sources.env ?? environment()));
  const files = (sources.files ?? configFiles(env)).flatMap((path) => {
    const { content, problems: found } = readConfigFile(path);
    problems.push(...found);
    return found.length > 0 ? [] : [{ path, content }];
  });
  const store = openStore(withCurrentNames(env, warn));
  for (const { content } of files) store.load(content);
  const read = readValues(settings(), (setting) => {
    const { group, name, path } = setting;
    const variable = variableOf(setting, env);
    const file = files.findLast(({ content }) => content[group]?.[name] !== undefined);
    const named = variable !== undefined && fromFiles.has(variable) ? `${variable}${FILE_SUFFIX}` : variable;
    const origin = named ?? file?.path;
    if (origin !== undefined) origins.set(path, origin);
    return { written: store.get(path), at: named ?? `${file?.path}: ${path}` };
  });
  problems.push(...read.problems);
  const config = withValues(defaultConfig(), read.values);
  if (problems.length === 0) problems.push(...crossChecks(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return { config, origins };
}

/** The files that `CONFIG_FILE` names. */
export function configFiles({ CONFIG_FILE = '' }: NodeJS.ProcessEnv): string[] {
  return CONFIG_FILE.split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '');
}

/** A variable that is set but blank means "not set", as compose files write it. */
function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => (value ?? '').trim() !== ''));
}

/** The environment with the values of deprecated variables under their present names, which win. */
function withCurrentNames(env: NodeJS.ProcessEnv, warn: (line: string) => void): NodeJS.ProcessEnv {
  const current = { ...env };
  for (const { env: variable, deprecatedEnv: old } of settings()) {
    if (old === undefined || env[old] === undefined) continue;
    if (env[variable] === undefined) warn(`${old} is deprecated: use ${variable}`);
    else warn(`${old} is deprecated and ignored, because ${variable} is set: remove it`);
    current[variable] ??= env[old];
  }
  return current;
}

/** The variable that sets this setting: its own, else its deprecated one. */
function variableOf({ env: variable, deprecatedEnv = '' }: Setting, env: NodeJS.ProcessEnv) {
  return [variable, deprecatedEnv].find((name) => (env[name] ?? '').trim() !== '');
}

/** convict, which puts defaults, files and environment together. It keeps formats for the whole process; ours never change. */
function openStore(env: NodeJS.ProcessEnv) {
  // Loaded when settings are read: a program that only adds searches does not need it.
  const convict = createRequire(import.meta.url)('convict') as typeof Convict;
  // `readValues` converts and validates: convict's own messages name neither the file nor what is allowed.
  for (const name of Object.keys(FORMATS))
    convict.addFormat({ name, validate: () => undefined, coerce: (value: unknown) => value });
  return convict<Content>(schema as never, { env, args: [] });
}

/**
 * The values of these settings as their formats read them, group by group; those that are wrong are left out.
 * @param source what is written for a setting and where; undefined for nothing
 */
export function readValues(
  these: readonly Setting[],
  source: (setting: Setting) => { written: unknown; at: string } | undefined,
): { values: Content; problems: ConfigProblem[] } {
  const values: Content = {};
  const problems: ConfigProblem[] = [];
  for (const setting of these) {
    const found = source(setting);
    if (found === undefined) continue;
    const { group, name, format, sensitive } = setting;
    const { coerce, accepts, allowed, words = [] }: Format = FORMATS[format];
    const value = typeof found.written === 'string' ? coerce(found.written) : found.written;
    if (accepts(value)) values[group] = { ...values[group], [name]: value };
    else {
      // The text before the `@` of a URL may be a secret.
      const shown = (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/]*@/g, '//***@').slice(0, 200);
      const mistake = typeof found.written === 'string' ? mistakeIn(found.written.trim()) : undefined;
      const meant = typeof value === 'string' && words.length > 0 ? didYouMean(value, words) : '';
      const hint = mistake === undefined ? meant : `; it ${mistake}`;
      // A line pasted here may be that of a secret.
      const isHidden = sensitive || mistake === PASTED_LINE;
      const what = isHidden ? 'holds something else' : `is ${shown}`;
      problems.push({ name: found.at, message: `${what}, but must be ${allowed}${hint}` });
    }
  }
  return { values, problems };
}

/** Settings that change while processes run. All others are read at start: ports, connections, sizes, the keyset. */
const RELOADABLE: ReadonlySet<string> = new Set([
  'ebay.marketplace',
  'pace.minApiCallInterval',
  'pace.dailyCallLimit',
  'plan.dailyCalls',
  'pace.tenantCalls',
  'pace.backfillShare',
  'pace.scheduledShare',
  'memory.backfillShare',
  'memory.share',
  'search.backlogLimit',
  'search.costs',
  'log.level',
  'log.levels',
]);

/** Whether a setting changes while processes run. @param path such as `log.level` */
export function isReloadable(path: string): boolean {
  return RELOADABLE.has(path);
}

/** The content of files in two: what can change while processes run, and what needs a restart. Later files win. */
export function reloadablePart(...contents: readonly Content[]): { reloadable: Content; fixed: Content } {
  const parts: { reloadable: Content; fixed: Content } = { reloadable: {}, fixed: {} };
  for (const [group, keys] of contents.flatMap((content) => Object.entries(content)))
    for (const [name, value] of Object.entries(keys)) {
      const part = RELOADABLE.has(`${group}.${name}`) ? parts.reloadable : parts.fixed;
      part[group] = { ...part[group], [name]: value };
    }
  return parts;
}

/**
 * The settings of a running process with the reloadable ones from `content`, or their defaults where it has none. A
 * variable in the environment wins, as it does at start.
 * @param name of the source, for the problems
 */
export function withSettings(
  running: Config,
  content: Content,
  { env, name }: { env: NodeJS.ProcessEnv; name: string },
): { config: Config; problems: ConfigProblem[] } {
  const problems = unknownKeys(name, content);
  if (problems.length > 0) return { config: running, problems };
  const read = readValues(settings(), (setting) => {
    const { group, name: key, path, default: usual } = setting;
    if (!RELOADABLE.has(path) || variableOf(setting, env) !== undefined) return undefined;
    return { written: content[group]?.[key] ?? usual, at: `${name}: ${path}` };
  });
  const config = withValues(running, read.values);
  return { config, problems: read.problems.length > 0 ? read.problems : crossChecks(config) };
}
