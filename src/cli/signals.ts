import { once } from 'node:events';
import { Failure } from '../failures.ts';
import type { StopReport } from '../lifecycle.ts';
import type { Logger } from '../telemetry/logger.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C (SIGINT) or SIGTERM. */
interface Interrupt {
  /** Aborted by the first of them. */
  signal: AbortSignal;
  received: Promise<unknown>;
  /** What `work` gives. @throws Failure `interrupted` as soon as a signal is received */
  race<T>(work: Promise<T>): Promise<T>;
  /** Gives the signals back to Node, which ends the process by them. */
  dispose(): void;
}

/** From now on SIGINT and SIGTERM do not end the process, however often they are received. */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const { signal } = controller;
  const received = once(signal, 'abort');
  const interrupted = received.then(() => {
    throw new Failure('interrupted', 'interrupted');
  });
  interrupted.catch(() => undefined);
  const abort = () => controller.abort();
  for (const name of SIGNALS) process.on(name, abort);
  return {
    signal,
    received,
    race: (work) => Promise.race([work, interrupted]),
    dispose: () => {
      for (const name of SIGNALS) process.off(name, abort);
    },
  };
}

/** A worker or a server. */
interface Service {
  stop(): Promise<StopReport>;
  /** Reads its configuration files again. */
  reload(): Promise<void>;
}

/**
 * Runs services until SIGINT or SIGTERM and stops them, the last one first. SIGHUP makes them reload; before one has
 * started it does nothing.
 * @param start starts the services and passes each to `started`; `signal` ends its waiting for Redis
 */
export async function runUntilInterrupted(
  log: Logger,
  start: (started: <S extends Service>(service: S) => S, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const interrupt = onInterrupt();
  const services: Service[] = [];
  const reload = () => {
    for (const service of services) void service.reload();
  };
  process.on('SIGHUP', reload);
  const stop = async () => {
    const unclosed: string[] = [];
    // Each service limits the time of its own stop.
    for (const service of services.splice(0).reverse()) unclosed.push(...(await service.stop()).unclosed);
    return unclosed;
  };
  try {
    await start((service) => {
      services.push(service);
      return service;
    }, interrupt.signal);
    await interrupt.received;
    log.info('stopping: work under way is finished or returned to the queue');
    const unclosed = await stop();
    if (unclosed.length > 0) log.warn('stopped, but some parts did not close in time', { unclosed });
    else log.info('stopped');
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    log.info('stopped before Redis answered');
  } finally {
    await stop();
    interrupt.dispose();
    process.off('SIGHUP', reload);
  }
}
