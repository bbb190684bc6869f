import convict from 'convict';
import { crossChecks } from './checks.ts';
import { type Config, ConfigError, type ConfigProblem } from './config.ts';
import { environment } from './environment.ts';
import { type ConfigFile, FILE_SUFFIX, readConfigFile, withSecretFiles } from './files.ts';
import { FORMATS, type FormatName } from './formats.ts';
import { schema, settings } from './schema.ts';

export interface ConfigSources {
  /** Environment variables; they win over files, and `…_FILE` may name a file for a secret. Default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** JSON files, later ones win. Default: the paths in `CONFIG_FILE`, separated by commas. */
  files?: string[];
}

/**
 * Reads defaults, files and environment, in this order, and checks the whole.
 * @throws ConfigError naming each wrong variable, its value (never a secret's) and what is allowed.
 */
export function loadConfig(sources: ConfigSources = {}): Config {
  const { env, fromFiles, problems } = withSecretFiles(withoutEmpty(sources.env ?? environment()));
  const paths = sources.files ?? configFiles(env);
  registerFormats();
  const store = convict(schema as unknown as convict.Schema<Config>, { env, args: [] });

  const files: ConfigFile[] = [];
  for (const path of paths) {
    const { content, problems: found } = readConfigFile(path);
    problems.push(...found);
    if (found.length > 0) continue;
    files.push({ path, content });
    store.load(content as Partial<Config>);
  }
  problems.push(...wrongValues(store, { env, fromFiles, files }));
  const config = store.getProperties() as Config;
  if (problems.length === 0) problems.push(...crossChecks(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return deepFreeze(structuredClone(config));
}

/** The files that `CONFIG_FILE` names. */
export function configFiles({ CONFIG_FILE = '' }: NodeJS.ProcessEnv): string[] {
  return CONFIG_FILE.split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '');
}

/** convict keeps formats for the whole process; registering the same ones again changes nothing. */
function registerFormats(): void {
  for (const [name, format] of Object.entries(FORMATS)) {
    const coerce = (value: unknown) => (typeof value === 'string' ? format.coerce(value) : value);
    convict.addFormat({ name, validate: () => undefined, coerce });
  }
}

/** A variable that is set but blank means "not set", as compose files write it. */
function withoutEmpty(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => (value ?? '').trim() !== ''));
}

function wrongValues(
  store: convict.Config<Config>,
  { env, fromFiles, files }: { env: NodeJS.ProcessEnv; fromFiles: ReadonlySet<string>; files: ConfigFile[] },
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const { path, format, env: variable, sensitive } of settings()) {
    const value: unknown = store.get(path as never);
    const { accepts, allowed } = FORMATS[format as FormatName];
    if (accepts(value as never)) continue;
    const [group = '', name = ''] = path.split('.');
    const file = files.findLast(({ content }) => content[group]?.[name] !== undefined);
    const inEnvironment = fromFiles.has(variable) ? `${variable}${FILE_SUFFIX}` : variable;
    problems.push({
      name: variable in env || file === undefined ? inEnvironment : `${file.path}: ${path}`,
      message: `${sensitive ? 'holds something else' : `is ${shown(value)}`}, but must be ${allowed}`,
    });
  }
  return problems;
}

/** A value for people: what stands before the `@` of a URL is a secret wherever it was put. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).replace(/\/\/[^/]*@/g, '//***@').slice(0, 200);
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
