import { type Fault, sendHead } from './fault.ts';

export interface LatencyParameters {
  /** Milliseconds, or a range to draw from. Default 1000. */
  readonly ms?: number | readonly [low: number, high: number];
}

/** The usual answer, later. */
export const latency: Fault<LatencyParameters> = ({ ms = 1000 }, { random }) => ({
  delayMs: typeof ms === 'number' ? ms : ms[0] + random() * (ms[1] - ms[0]),
});

export interface HangParameters {
  /** Default `before`: nothing is ever sent. `body`: the headers come, the body never does. */
  readonly at?: 'before' | 'body';
}

/** The connection stays open until the client gives up. */
export const hang: Fault<HangParameters> = ({ at = 'before' }) => ({
  deliver: (response, answer) => {
    if (at === 'before') return;
    sendHead(response, answer);
    response.flushHeaders();
  },
});

export interface ResetParameters {
  /** Default `before`: no byte of the answer leaves. `body`: half of it does. */
  readonly at?: 'before' | 'body';
}

/** The connection ends with a TCP reset. */
export const reset: Fault<ResetParameters> = ({ at = 'before' }) => ({
  deliver: (response, answer) => {
    const { socket } = response;
    if (at === 'before') {
      socket?.resetAndDestroy();
      return;
    }
    sendHead(response, answer);
    const half = answer.body.subarray(0, Math.floor(answer.body.length / 2));
    response.write(half, () => socket?.resetAndDestroy());
  },
});

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

export interface TruncatedParameters {
  /** Share of the body that is sent. Default 0.5. */
  readonly part?: number;
  /** Chunked transfer that stops in the middle, instead of a Content-Length that is never reached. */
  readonly chunked?: boolean;
}

/** The body ends early, by an orderly close of the connection. */
export const truncated: Fault<TruncatedParameters> = ({ part = 0.5, chunked = false }) => ({
  deliver: (response, answer) => {
    if (chunked) response.writeHead(answer.status, { ...answer.headers });
    else sendHead(response, answer);
    const { socket } = response;
    response.write(answer.body.subarray(0, Math.floor(answer.body.length * part)), () => socket?.end());
  },
});

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
