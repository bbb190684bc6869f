/** This service's worker, as `dpf worker` starts it. */
import { startWorkerApp } from '../../dist/app/worker.js';
import { loadConfig } from '../../dist/config/load.js';
import { LogRoot } from '../../dist/telemetry/logRoot.js';
import { answerWithCpu } from './answerWithCpu.js';

const config = loadConfig();
await startWorkerApp(config, new LogRoot(config.log));
answerWithCpu();
