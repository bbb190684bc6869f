import { expect } from 'chai';
import { jobSpan, tracedOptions } from '../../../src/telemetry/tracing.ts';
import { useSpans } from '../../support/spans.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACE = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01`, tracestate: 'vendor=1' };

describe('the span of a job', () => {
  const spans = useSpans();

  /** What a call that carries these fields stores in the jobs that it adds. */
  async function storedBy(fields: object) {
    const job = { attemptsMade: 0, opts: { telemetry: { metadata: JSON.stringify(fields) } } };
    const { telemetry } = await jobSpan('ebay-calls', job, async () => tracedOptions(), { isCall: true });
    return JSON.parse(telemetry?.metadata ?? 'null') as Record<string, string>;
  }

  it('passes the trace on that a call carries, and none of the other fields of who added it', async () => {
    const fields = { ...TRACE, baggage: 'email=somebody%40example.com', note: 'x'.repeat(1000) };
    expect(await storedBy(fields)).to.deep.equal(TRACE);
  });

  it('passes its own trace on where a call carries baggage and no trace', async () => {
    const stored = await storedBy({ baggage: 'email=somebody%40example.com' });
    const own = spans.ended('process ebay-calls')[0];
    expect(stored).to.deep.equal({ traceparent: `00-${own?.traceId}-${own?.spanId}-01` });
  });

  for (const thrown of [undefined, null, 'a text', { code: 'odd' }, { message: 7 }])
    it(`hands on what was thrown also where it is no error: ${JSON.stringify(thrown)}`, async () => {
      const run = () => Promise.reject(thrown);
      const end = await jobSpan('ebay-calls', { attemptsMade: 0, opts: {} }, run).then(
        () => ({ done: true }),
        (caught: unknown) => ({ caught }),
      );
      expect(end).to.deep.equal({ caught: thrown });
      expect(spans.ended('process ebay-calls').map(({ status }) => status)).to.deep.equal([2]);
    });
});
