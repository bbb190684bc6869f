import { readFileSync } from 'node:fs';
import { type Key, schema, settings } from './schema.ts';

type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;
type ValuesOf<S> = {
  readonly [K in keyof S]: S[K] extends Key<infer T> ? Widened<T> : ValuesOf<S[K]>;
};

/** All settings, frozen. Durations are in seconds. */
export type Config = ValuesOf<typeof schema>;

/** Group → setting → value, as written in a file. */
export type Content = Record<string, Record<string, unknown>>;

/** One mistake: where it was made and what is allowed there. */
export interface ConfigProblem {
  /** The environment variable, or the file's path and key. */
  name: string;
  message: string;
}

/** Everything that is wrong with the configuration, all mistakes at once. Holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: ConfigProblem[]) {
    super(linesOf(problems).join('\n'));
    this.problems = problems;
  }
}

/**
 * A module whose packages npm may have left out (`npm install --omit=optional`).
 * @param user what needs it, for the message
 * @throws ConfigError naming the missing package
 */
export async function optionalPackage<T>(module: Promise<T>, user: string): Promise<T> {
  try {
    return await module;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const name = /Cannot find (?:package|module) '((?:@[^/']+\/)?[^/']+)/.exec(message)?.[1];
    if (!code?.endsWith('MODULE_NOT_FOUND') || name === undefined) throw error;
    throw new ConfigError([
      { name, message: `is not installed, but ${user} needs it: run npm install ${name}` },
    ]);
  }
}

/** One line for each problem. */
export function linesOf(problems: readonly ConfigProblem[]): string[] {
  return problems.map(({ name, message }) => `${name} ${message}`);
}

/** The process's environment. This is the only place that reads it. */
export function environment(): NodeJS.ProcessEnv {
  return process.env;
}

/** The release of this service. */
export function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Every setting with its default; nothing of the process is read. */
export function defaultConfig(): Config {
  const values: Content = Object.fromEntries(Object.keys(schema).map((group) => [group, {}]));
  for (const { group, name, default: value } of settings())
    values[group] = { ...values[group], [name]: value };
  return frozen(values);
}

/** A frozen copy with these values in place of its own. */
export function withValues(config: Config, values: Content): Config {
  const groups = Object.entries(config as unknown as Content);
  return frozen(Object.fromEntries(groups.map(([group, own]) => [group, { ...own, ...values[group] }])));
}

function frozen(values: Content): Config {
  for (const group of Object.values(values)) Object.freeze(group);
  return Object.freeze(values) as unknown as Config;
}
