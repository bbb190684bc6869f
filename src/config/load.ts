import { readFileSync } from 'node:fs';
import convict from 'convict';
import { crossChecks } from './checks.ts';
import { closestWord } from './closestWord.ts';
import { type Config, ConfigError, type ConfigProblem } from './config.ts';
import { environment } from './environment.ts';
import { FORMATS, type FormatName } from './formats.ts';
import { type Key, schema } from './schema.ts';

export interface ConfigSources {
  /** Environment variables; they win over files. Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** JSON files, later ones win. Default: the paths in `CONFIG_FILE`, separated by commas. */
  files?: string[];
}

/** Every setting with its dotted path, in the schema's order. */
export function settings(): Array<{ path: string } & Key<unknown>> {
  return Object.entries(schema).flatMap(([group, keys]) =>
    Object.entries(keys).map(([name, key]) => ({ path: `${group}.${name}`, ...(key as Key<unknown>) })),
  );
}

/**
 * Reads defaults, files and environment, in this order, and checks the whole.
 * @throws ConfigError naming each wrong variable, its value (never a secret's) and what is allowed.
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  const env = sources.env ?? environment();
  const files = sources.files ?? (env.CONFIG_FILE ?? '').split(',').filter((path) => path !== '');
  registerFormats();
  const store = convict(schema as unknown as convict.Schema<Config>, { env: withoutEmpty(env), args: [] });

  const problems: ConfigProblem[] = [];
  for (const path of files) {
    const content = readJson(path, problems);
    if (content === undefined) continue;
    const strangers = unknownKeys(path, content);
    problems.push(...strangers);
    if (strangers.length === 0) store.load(content as Partial<Config>);
  }
  problems.push(...wrongValues(store));
  const config = store.getProperties() as Config;
  if (problems.length === 0) problems.push(...crossChecks(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze(structuredClone(config));
}

/** convict keeps formats for the whole process; registering the same ones again changes nothing. */
function registerFormats(): void {
  for (const [name, format] of Object.entries(FORMATS)) {
    convict.addFormat({ name, validate: () => undefined, coerce: (value) => format.coerce(String(value)) });
  }
}

/** A variable that is set but empty means "not set", as compose files write it. */
function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

function readJson(path: string, problems: ConfigProblem[]): object | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
    problems.push({ name: path, message: 'must hold one JSON object' });
  } catch (error) {
    problems.push({ name: path, message: `cannot be read: ${(error as Error).message}` });
  }
  return undefined;
}

function unknownKeys(path: string, content: object): ConfigProblem[] {
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
    if (!groups.includes(group) || typeof keys !== 'object' || keys === null) refuse(group, groups);
    else
      for (const name of Object.keys(keys))
        if (!known.includes(`${group}.${name}`)) refuse(`${group}.${name}`, known);
  }
  return problems;
}

function wrongValues(store: convict.Config<Config>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const { path, format, env, sensitive } of settings()) {
    const value: unknown = store.get(path as never);
    const { accepts, allowed } = FORMATS[format as FormatName];
    if (accepts(value as never)) continue;
    const shown = sensitive ? 'holds something else' : `is ${JSON.stringify(value)}`;
    problems.push({ name: env, message: `${shown}, but must be ${allowed}` });
  }
  return problems;
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
