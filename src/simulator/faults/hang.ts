import { type Fault, sendHead } from './fault.ts';

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
