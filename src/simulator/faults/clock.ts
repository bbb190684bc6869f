import type { Fault } from './fault.ts';

export interface ClockParameters {
  /** How far eBay's clock goes ahead of this machine's, in seconds; below 0: behind. Default 60. */
  readonly aheadS?: number;
}

/** The usual answer with a Date header that is off. */
export const clock: Fault<ClockParameters> = ({ aheadS = 60 }) => ({
  alter: (answer) => ({
    ...answer,
    headers: { ...answer.headers, date: new Date(Date.now() + aheadS * 1000).toUTCString() },
  }),
});
