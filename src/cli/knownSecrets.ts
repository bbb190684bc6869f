import { loadConfig } from '../config/load.ts';
import { secretsOf, secretsOfEnvironment } from '../config/secrets.ts';
import { Scrubber } from '../telemetry/scrubber.ts';

/** For the last words of a command, which may end by an error that nobody foresaw. Never throws. */
export function scrubberOfProcess(): Scrubber {
  const scrubber = new Scrubber();
  try {
    scrubber.learn(secretsOf(loadConfig()));
  } catch {
    scrubber.learn(secretsOfEnvironment());
  }
  return scrubber;
}
