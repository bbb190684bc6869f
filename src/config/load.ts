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
import { type Setting, settings } from './schema.ts';
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
  const values: Content = {};
  for (const setting of settings()) {
    const { group, name, path } = setting;
    const variable = variableOf(setting, env, warn);
    const file = files.findLast(({ content }) => content[group]?.[name] !== undefined);
    if (variable === undefined && file === undefined) continue;
    const written = variable === undefined ? file?.content[group]?.[name] : env[variable];
    const at = variable === undefined ? `${file?.path}: ${path}` : variable;
    const { value, problem } = readValue(setting, written, fromFiles.has(at) ? `${at}${FILE_SUFFIX}` : at);
    if (problem === undefined) values[group] = { ...values[group], [name]: value };
    else problems.push(problem);
  }
  const config = withValues(defaultConfig(), values);
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

/** The variable that sets this setting: its own, else its deprecated one. */
function variableOf(
  { env: variable, deprecatedEnv: old }: Setting,
  env: NodeJS.ProcessEnv,
  warn: (line: string) => void = () => undefined,
): string | undefined {
  const isSet = (name: string) => (env[name] ?? '').trim() !== '';
  if (old !== undefined && isSet(old))
    warn(
      isSet(variable)
        ? `${old} is deprecated and ignored, because ${variable} is set: remove it`
        : `${old} is deprecated: use ${variable}`,
    );
  return [variable, old].find((name) => name !== undefined && isSet(name));
}

function emitWarning(line: string): void {
  process.emitWarning(line, 'DeprecationWarning');
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
export function reloadableSettings(): Setting[] {
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
