/** Prints the CPU time in µs that the spans of one page take by themselves. With an SDK where `--import` loads one. */
import { callSpan, inSpan, jobSpan, spanFields, tracedOptions } from '../../dist/telemetry/tracing.js';

const PAGES = 200_000;
const metadata = '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}';
const job = { id: 's_1-r1-p1', attemptsMade: 0, opts: { telemetry: { metadata } } };
const nothing = async () => undefined;

/** What the job of a page does in `src`, and one log line. */
async function page() {
  await inSpan('gate wait', { attributes: { 'dpf.call.class': 'interactive' } }, nothing);
  callSpan('GET', 'https://api.ebay.com', '/buy/browse/v1/item_summary/search', 0).end('ok', 200);
  await inSpan('store answer', {}, nothing);
  tracedOptions();
  spanFields();
}

async function cpuOf(work) {
  const before = process.cpuUsage();
  for (let index = 0; index < PAGES; index++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PAGES;
}

const traced = () => jobSpan('ebay-calls', job, page, { isCall: true });
await cpuOf(traced);
console.log((await cpuOf(traced)).toFixed(1));
