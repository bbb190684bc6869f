import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';

/** A configuration from these environment variables alone; nothing of the machine's environment reaches a test. */
export function testConfig(env: Record<string, string> = {}): Config {
  return loadConfig({ env, files: [] });
}
