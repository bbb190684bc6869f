import { Failure } from '../failures.ts';

/** Ctrl-C or SIGTERM, as a signal that work can look at. */
export interface Interrupt {
  signal: AbortSignal;
  /** Rejects with the failure `interrupted` as soon as the signal comes; else never settles. */
  happened: Promise<never>;
  /** Gives the signals back to Node. */
  dispose(): void;
}

/** From now on SIGINT and SIGTERM end nothing by themselves, however often they come. */
export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const happened = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(new Failure('interrupted', 'interrupted')));
  });
  happened.catch(() => undefined);
  const abort = () => controller.abort();
  for (const name of SIGNALS) process.on(name, abort);
  return {
    signal: controller.signal,
    happened,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, abort);
    },
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** SIGHUP, by which a process is told to read its files again. Before anything has come up it does nothing. */
export interface Hangup {
  reloads(app: { reload(): Promise<void> }): void;
  /** Gives the signal back to Node, which ends the process by it. */
  dispose(): void;
}

export function onHangup(): Hangup {
  const apps: Array<{ reload(): Promise<void> }> = [];
  const reload = () => {
    for (const app of apps) void app.reload();
  };
  process.on('SIGHUP', reload);
  return { reloads: (app) => void apps.push(app), dispose: () => process.off('SIGHUP', reload) };
}
