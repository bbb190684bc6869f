import { ConfigError, type ConfigProblem } from '../../../src/config/config.ts';
import { type ConfigSources, loadConfig } from '../../../src/config/load.ts';

/** Everything that a wrong configuration is told to be wrong. @throws Error when it is accepted */
export function problemsOf(sources: ConfigSources): readonly ConfigProblem[] {
  try {
    loadConfig({ env: {}, files: [], ...sources });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

/** The same as `NAME message` lines. */
export function linesOf(sources: ConfigSources): string[] {
  return problemsOf(sources).map(({ name, message }) => `${name} ${message}`);
}
