/** This service's worker, as `dpf worker` starts it. */
import { startWorkerApp } from '../../src/app/worker.ts';
import { loadConfig } from '../../src/config/load.ts';
import { LogRoot } from '../../src/telemetry/logger.ts';
import { answerWithCpu } from './cpu.ts';

const config = loadConfig();
await startWorkerApp(config, new LogRoot(config.log));
answerWithCpu();
