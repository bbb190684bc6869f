import { Writable } from 'node:stream';
import { LogRoot } from '../telemetry/logger.ts';

/** For commands whose own last line says what went wrong. */
export function quietLog(): LogRoot {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return new LogRoot({ level: 'error', levels: '', format: 'json' }, nowhere);
}
