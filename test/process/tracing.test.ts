import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, propagation, trace } from '@opentelemetry/api';
import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { type EndedSpan, useSpans } from '../support/spans.ts';
import { waitFor } from '../support/waitFor.ts';

const PRELOAD = new URL('../support/spansToFile.js', import.meta.url).href;
const EXAMPLE = new URL('../../examples/tracing.js', import.meta.url).href;

describe('a trace over processes', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { dpf } = useProcesses();
  /** Of this process, which is the caller. */
  const own = useSpans();
  let folder: string;
  let env: Record<string, string>;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-spans-'));
    env = serviceEnv(redis.url, simulator().url, { MIN_API_CALL_INTERVAL: '0', HTTP_PORT: '0' });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const traced = (command: string, more: Record<string, string> = {}) => {
    const file = join(folder, command);
    const preload = { NODE_OPTIONS: `--import=${PRELOAD}`, TEST_SPANS: file };
    const running = dpf([command], { ...env, ...preload, ...more });
    const ended = (): EndedSpan[] =>
      existsSync(file)
        ? readFileSync(file, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line))
        : [];
    return { running, ended };
  };

  it('leads from the caller over server and worker to the call to eBay and the storing of its answer', async () => {
    const worker = traced('worker');
    const server = traced('serve', { HTTP_WITHOUT_KEYS: 'true' });
    const [, url] = await server.running.waitForLine(/"url":"([^"]+)"/);
    await worker.running.waitForLine(/worker started/);
    const root = trace.getTracer('caller').startSpan('caller');
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    propagation.inject(trace.setSpan(context.active(), root), headers);
    const body = JSON.stringify({ query: 'phone case', maxItems: 200 });
    const response = await fetch(`${url}/v1/searches`, { method: 'POST', headers, body });
    expect(response.status).to.equal(202);
    root.end();
    const { searchId } = (await response.json()) as { searchId: string };
    const isDone = ({ name, attributes }: EndedSpan) =>
      name === 'process ebay-search' && attributes['dpf.job.moved'] === undefined;
    await waitFor('the end of the search', () => worker.ended().find(isDone));
    await waitFor('the span of the request', () => server.ended()[0]);

    const { traceId } = root.spanContext();
    /** The span of this name below another one, in the process that must have ended it. */
    const below = (parentId: string, name: string, ended: EndedSpan[]): EndedSpan => {
      const found = ended.find((span) => span.parentId === parentId && span.name === name);
      expect(found?.traceId, `${name} below ${parentId}`).to.equal(traceId);
      return found as EndedSpan;
    };
    const request = below(own.ended('caller')[0]?.spanId as string, 'POST /v1/searches', server.ended());
    const sent = below(request.spanId, 'send ebay-search', server.ended());
    const search = below(sent.spanId, 'process ebay-search', worker.ended());
    const page = below(search.spanId, 'process ebay-calls', worker.ended());
    expect(page.attributes['messaging.message.id']).to.equal(`${searchId}-r1-p1`);
    for (const part of ['gate wait', 'GET /buy/browse/v1/item_summary/search', 'store answer'])
      below(page.spanId, part, worker.ended());
    // Log lines name the trace.
    await worker.running.waitForLine(new RegExp(`"message":"search ended".*"trace_id":"${traceId}"`));
    expect(JSON.stringify([...server.ended(), ...worker.ended()])).not.to.match(/phone|Bearer|Basic/);
  });

  it('is written by the SDK of the example, also what is not exported yet when the process ends', async () => {
    const worker = dpf(['worker'], { ...env, NODE_OPTIONS: `--import=${EXAMPLE}` });
    await worker.waitForLine(/worker started/);
    expect(await worker.stop()).to.equal(0);
    expect(worker.stdout).to.match(/name: 'GET \/developer\/analytics\/v1_beta\/rate_limit\/'/);
  });
});
