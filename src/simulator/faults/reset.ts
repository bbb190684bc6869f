import { type Fault, sendHead } from './fault.ts';

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
