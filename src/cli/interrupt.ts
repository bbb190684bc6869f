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
