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
import { readConfigFile, unknownKeys } from './files.ts';
import { FORMATS, type Format } from './formats.ts';
import { type Setting, schema, settings } from './schema.ts';
import { FILE_SUFFIX, withSecretFiles } from './secrets.ts';

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
export function loadConfig({ warn = emitWarning, ...sources }: ConfigSources = {}): Config {
  const { env, fromFiles, problems } = withSecretFiles(withoutEmpty(sources.env ?? environment()));
  const files = (sources.files ?? configFiles(env)).flatMap((path) => {
    const { content, problems: found } = readConfigFile(path);
    problems.push(...found);
    return found.length > 0 ? [] : [{ path, content }];
  });
  const store = openStore(withCurrentNames(env, warn));
  for (const { content } of files) store.load(content);
  for (const setting of settings()) {
    const { group, name, path } = setting;
    const variable = variableOf(setting, env);
    const file = files.findLast(({ content }) => content[group]?.[name] !== undefined);
    const at = variable === undefined ? `${file?.path}: ${path}` : variable;
    const { problem } = readValue(setting, store.get(path), fromFiles.has(at) ? `${at}${FILE_SUFFIX}` : at);
    if (problem !== undefined) problems.push(problem);
  }
  const config = withValues(defaultConfig(), store.getProperties());
  if (problems.length === 0) problems.push(...crossChecks(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
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
  const renamed: NodeJS.ProcessEnv = {};
  for (const { env: variable, deprecatedEnv: old } of settings()) {
    if (old === undefined || !isSet(env, old)) continue;
    if (isSet(env, variable)) warn(`${old} is deprecated and ignored, because ${variable} is set: remove it`);
    else {
      renamed[variable] = env[old];
      warn(`${old} is deprecated: use ${variable}`);
    }
  }
  return { ...env, ...renamed };
}

/** The variable that sets this setting: its own, else its deprecated one. */
function variableOf(
  { env: variable, deprecatedEnv: old }: Setting,
  env: NodeJS.ProcessEnv,
): string | undefined {
  return [variable, old].find((name) => name !== undefined && isSet(env, name));
}

function isSet(env: NodeJS.ProcessEnv, variable: string): boolean {
  return (env[variable] ?? '').trim() !== '';
}

function emitWarning(line: string): void {
  process.emitWarning(line, 'DeprecationWarning');
}

interface Store {
  load(content: Content): void;
  get(path: string): unknown;
  getProperties(): Content;
}

/** convict, which puts defaults, files and environment together. It keeps formats for the whole process; ours never change. */
function openStore(env: NodeJS.ProcessEnv): Store {
  // Loaded when settings are read: a program that only adds searches does not need it.
  const convict = createRequire(import.meta.url)('convict') as typeof Convict;
  for (const [name, { coerce }] of Object.entries(FORMATS))
    convict.addFormat({
      name,
      // `readValue` validates: convict's own messages name neither the file nor what is allowed.
      validate: () => undefined,
      coerce: (value: unknown) => (typeof value === 'string' ? coerce(value) : value),
    });
  return convict(schema as unknown as Convict.Schema<Content>, { env, args: [] }) as unknown as Store;
}

/** A setting's value as its format reads it. @param at where it was written, for the problem */
export function readValue(
  { format, sensitive }: Setting,
  written: unknown,
  at: string,
): { value?: unknown; problem?: ConfigProblem } {
  const { coerce, accepts, allowed }: Format = FORMATS[format];
  const value = typeof written === 'string' ? coerce(written) : written;
  if (accepts(value)) return { value };
  const found = sensitive ? 'holds something else' : `is ${shown(value)}`;
  return { problem: { name: at, message: `${found}, but must be ${allowed}` } };
}

/** A value for people: the text before the `@` of a URL may be a secret. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/]*@/g, '//***@').slice(0, 200);
}

/** Settings that change while processes run. All others are read at start: ports, connections, sizes, the keyset. */
const RELOADABLE: ReadonlySet<string> = new Set([
  'ebay.marketplace',
  'pace.minApiCallInterval',
  'pace.dailyCallLimit',
  'pace.backfillShare',
  'pace.scheduledShare',
  'memory.backfillShare',
  'memory.share',
  'search.backlogLimit',
  'log.level',
  'log.levels',
]);

/** Every setting that a running process can change. */
function reloadableSettings(): Setting[] {
  return settings().filter(({ path }) => RELOADABLE.has(path));
}

/** A file's content in two: what can change while processes run, and what needs a restart. */
export function reloadablePart(content: Content): { reloadable: Content; fixed: Content } {
  const parts: { reloadable: Content; fixed: Content } = { reloadable: {}, fixed: {} };
  for (const [group, keys] of Object.entries(content))
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
  const values: Content = {};
  for (const setting of reloadableSettings()) {
    if (variableOf(setting, env) !== undefined) continue;
    const written = content[setting.group]?.[setting.name] ?? setting.default;
    const { value, problem } = readValue(setting, written, `${name}: ${setting.path}`);
    if (problem === undefined) values[setting.group] = { ...values[setting.group], [setting.name]: value };
    else problems.push(problem);
  }
  const config = withValues(running, values);
  if (problems.length === 0) problems.push(...crossChecks(config));
  return { config, problems };
}
