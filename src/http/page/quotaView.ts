import type { QuotaReport } from '../../ebay/quotaReport.ts';
import { distanceText, instant, numberText } from './format.ts';
import { type Html, html } from './html.ts';

/** The day's calls as a bar. */
export function quotaView(quota: QuotaReport, now: number): Html {
  const { limit, used, remaining, reset, closed } = quota;
  return html`<section class="quota" aria-labelledby="quota-head">
  <h2 id="quota-head">Calls to eBay today</h2>
  <progress id="quota" aria-labelledby="quota-head" max="${limit}" value="${Math.min(used, limit)}"
    data-state="${remaining / limit > 0.3 ? 'plenty' : remaining / limit > 0.1 ? 'some' : 'few'}"></progress>
  <p><strong>${numberText(remaining)}</strong> of ${numberText(limit)} left · all of them again ${distanceText(reset, now)},
    at ${instant(reset)}</p>
  ${closed !== null && html`<p class="notice">No call may be made now (${REASONS[closed.because] ?? closed.because}), until ${instant(closed.until)}.</p>`}
</section>`;
}

const REASONS: Readonly<Record<string, string>> = {
  quota: 'the day’s calls are used up',
  pause: 'eBay asked for a pause',
  circuit: 'eBay was failing',
};
