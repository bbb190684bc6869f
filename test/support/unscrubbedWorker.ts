/** `dpf worker` without the scrubber: what a scan for secrets must find something of, or it could find nothing. */
import { startWorkerApp } from '../../src/app/worker.ts';
import { loadConfig } from '../../src/config/load.ts';
import { LogRoot } from '../../src/telemetry/logger.ts';
import { Scrubber } from '../../src/telemetry/scrubber.ts';

class Blind extends Scrubber {
  override text(text: string): string {
    return text;
  }
}

const config = loadConfig();
const log = new LogRoot(config.log, process.stderr, new Blind());
const app = await startWorkerApp(config, log);
log.component('worker').info('worker started');
process.once('SIGTERM', async () => {
  await app.stop();
  process.exit();
});
