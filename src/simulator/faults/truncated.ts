import { type Fault, sendHead } from './fault.ts';

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
