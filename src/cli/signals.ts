import { once } from 'node:events';
import { type Config, environment } from '../config/config.ts';
import { descriptorUse, requireDescriptors } from '../config/descriptors.ts';
import { loadConfig } from '../config/load.ts';
import { misspeltVariables } from '../config/misspelt.ts';
import { Failure } from '../failures.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import type { Logger } from '../telemetry/logger.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import { flushSpans } from '../telemetry/tracing.ts';
import { openHealthSocket } from './healthSocket.ts';
import { watchLauncher } from './launcher.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * From now on SIGINT (Ctrl-C) and SIGTERM do not end the process, however often they are received. The end of the npm that
 * started it counts as one.
 */
export function onInterrupt() {
  const controller = new AbortController();
  const signal: AbortSignal = controller.signal;
  const received = once(signal, 'abort');
  const interrupted = () => {
    throw new Failure('interrupted', 'interrupted');
  };
  const abort = (cause: string) => controller.abort(new Failure('interrupted', cause));
  for (const name of SIGNALS) process.on(name, abort);
  const endWatch = watchLauncher(() => abort('the npm that started this process has ended'));
  return {
    /** Aborted by the first of them. */
    signal,
    received,
    /** What `work` gives. @throws Failure `interrupted` as soon as a signal is received */
    race: <T>(work: Promise<T>): Promise<T> => Promise.race([work, received.then(interrupted)]),
    /** Gives the signals back to Node, which ends the process by them. */
    dispose() {
      endWatch();
      for (const name of SIGNALS) process.off(name, abort);
    },
  };
}

/** A worker or a server. */
interface Service {
  /** Whether it does its work. */
  readonly running: boolean;
  /** Limits its own time. */
  stop(): Promise<StopReport>;
  /** Reads its configuration files again. */
  reload(): Promise<void>;
}

/** How often a running process counts what it has open, ms, and from which share of its limit on it says so. */
const COUNT_EVERY_MS = 5000;
const NEARLY_ALL = 0.9;

/** Nothing else reports that connections are refused for want of descriptors: libuv closes them. */
function watchDescriptors(log: Logger): () => void {
  const timer = setInterval(() => {
    const use = descriptorUse();
    if (use !== undefined && use.open >= use.limit * NEARLY_ALL)
      log.error('file descriptors run out: raise ulimit -n, or LimitNOFILE of systemd', use);
  }, COUNT_EVERY_MS).unref();
  return () => clearInterval(timer);
}

/**
 * Runs services until SIGINT or SIGTERM and stops them, the last one first. SIGHUP makes them reload; before one has
 * started it does nothing.
 * @param component of the log @param does what it needs file descriptors for
 * @throws BootError where there are too few of them; all that `start` throws
 */
export async function runUntilInterrupted(
  component: string,
  does: { work?: boolean; serve?: boolean },
  start: (parts: {
    config: Config;
    logs: LogRoot;
    /** Registers a service that runs. */
    started: <S extends Service>(service: S) => S;
    /** Ends waiting for Redis. */
    signal: AbortSignal;
  }) => Promise<void>,
): Promise<void> {
  const config = loadConfig();
  // Before anything is loaded that needs many of them at once.
  requireDescriptors({
    tenants: does.work ? 1 : 0,
    concurrency: config.worker.concurrency,
    streams: does.serve ? config.http.maxStreams : 0,
  });
  const logs = new LogRoot(config.log);
  const log = logs.component(component);
  for (const { name, message } of misspeltVariables(environment()))
    log.warn('variable in the environment is not read', { variable: name, problem: message });
  const interrupt = onInterrupt();
  const { signal } = interrupt;
  const lifecycle = new Lifecycle();
  const services: Service[] = [];
  const started = <S extends Service>(service: S): S => {
    services.push(service);
    return lifecycle.nested(service);
  };
  const reload = () => {
    for (const service of services) void service.reload();
  };
  process.on('SIGHUP', reload);
  const endWatch = watchDescriptors(log);
  await openHealthSocket(lifecycle, {
    path: config.http.healthSocket,
    warn: (reason) => log.warn('no health socket', { reason }),
    stopped: () => (services.every(({ running }) => running) ? [] : ['a worker or a server does not run']),
  });
  try {
    await start({ config, logs, started, signal });
    await interrupt.received;
    const { message: cause } = signal.reason as Failure;
    log.info('stopping: work under way is finished or returned to the queue', { cause });
    const { unclosed } = await lifecycle.stop(0);
    if (unclosed.length > 0) log.warn('stopped, but some parts did not close in time', { unclosed });
    else log.info('stopped');
  } catch (error) {
    if (!signal.aborted) throw error;
    log.info('stopped before Redis answered', { cause: (signal.reason as Failure).message });
  } finally {
    await lifecycle.stop(0);
    endWatch();
    interrupt.dispose();
    process.off('SIGHUP', reload);
    logs.flush();
    await flushSpans();
  }
}
