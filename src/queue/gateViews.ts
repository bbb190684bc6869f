import type { CallClass, CallGate } from '../ebay/gate.ts';
import type { Admission } from './context.ts';
import type { Outlook } from './estimate.ts';

/** The gate as the queue asks it: by class, and in this machine's clock, for the gate itself runs on Redis time. */
export function admissionBy(gate: CallGate): Admission {
  return {
    async closedFor(callClass) {
      const { classes, now } = await gate.read();
      const closed = classes[callClass];
      return closed && { because: closed.because, until: closed.until - now + Date.now() };
    },
  };
}

/** The gate as an estimate needs it. @param shares the part of the day's calls that each class may use up to */
export function outlookBy(gate: CallGate, shares: Record<CallClass, number>) {
  return async (callClass: CallClass): Promise<Omit<Outlook, 'ahead' | 'now'>> => {
    const { intervalMs, limit, used, reset, now, classes } = await gate.read();
    const toHere = Date.now() - now;
    const closed = classes[callClass];
    return {
      intervalMs,
      remaining: Math.max(0, Math.floor(limit * shares[callClass]) - used),
      reset: reset + toHere,
      closedUntil: closed && closed.until + toHere,
    };
  };
}
