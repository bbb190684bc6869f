import { type Fault, sendHead } from './fault.ts';

export interface SlowBodyParameters {
  /** Default 1. */
  readonly bytesPerSecond?: number;
}

/** The headers come at once, the body drips. */
export const slowBody: Fault<SlowBodyParameters> = ({ bytesPerSecond = 1 }) => ({
  deliver: (response, answer) => {
    sendHead(response, answer);
    response.flushHeaders();
    const ticksPerSecond = Math.min(20, bytesPerSecond);
    const portion = Math.max(1, Math.round(bytesPerSecond / ticksPerSecond));
    let sent = 0;
    const timer = setInterval(() => {
      response.write(answer.body.subarray(sent, sent + portion));
      sent += portion;
      if (sent < answer.body.length) return;
      clearInterval(timer);
      response.end();
    }, 1000 / ticksPerSecond);
    response.once('close', () => clearInterval(timer));
  },
});
