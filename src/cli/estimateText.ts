import type { SearchEstimate } from '../queue/estimate.ts';
import { whenText } from './instant.ts';
import { count } from './progress.ts';
import type { Terminal } from './terminal.ts';

/** What a search would cost and when it could be done, in words. */
export function estimateText(
  estimate: SearchEstimate,
  { paint }: Pick<Terminal, 'paint'>,
  now: number,
): string {
  const { calls, class: callClass, remaining, shareOfRemaining, reset, ahead, earliestFinish } = estimate;
  const parts = calls.details > 0 ? ` (${calls.pages} of pages, ${calls.details} of details)` : '';
  const left = `the ${remaining.toLocaleString('en-US')} that ${callClass} searches have left today`;
  const share =
    shareOfRemaining === null
      ? `${callClass} searches have none left today; more ${whenText(reset, now)}`
      : shareOfRemaining > 1
        ? `more than ${left}; it goes on ${whenText(reset, now)}`
        : `${percent(shareOfRemaining)} of ${left}`;
  const rows: Array<[string, string]> = [
    ['calls', `at most ${count(calls.total, 'call')}${parts}`],
    ['share', share],
    ['queue', ahead === 0 ? 'nothing waits before it' : `${count(ahead, 'call')} before its first one`],
    ['finish', `${whenText(earliestFinish, now)} at the earliest`],
  ];
  return rows.map(([name, value]) => `${paint('dim', name.padEnd(6))}  ${value}`).join('\n');
}

function percent(share: number): string {
  const value = share * 100;
  return value < 0.1 ? 'less than 0.1 %' : `${value.toFixed(1)} %`;
}
