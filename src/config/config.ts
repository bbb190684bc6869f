import type { Key, schema } from './schema.ts';

type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;
type ValuesOf<S> = {
  readonly [K in keyof S]: S[K] extends Key<infer T> ? Widened<T> : ValuesOf<S[K]>;
};

/** All settings, frozen. Durations are in seconds. */
export type Config = ValuesOf<typeof schema>;

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
    super(problems.map(({ name, message }) => `${name} ${message}`).join('\n'));
    this.problems = problems;
  }
}
