import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { Queue } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { type EndedSpan, useSpans } from '../../support/spans.ts';
import { waitFor } from '../../support/waitFor.ts';

const SEARCH_CALL = 'GET /buy/browse/v1/item_summary/search';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';

describe('traces', () => {
  const spans = useSpans();
  const service = useService({ PAGE_ATTEMPTS: '2' });
  const http = useHttpService({ LOG_LEVEL: 'debug' }, { beside: service });
  /** The spans of the jobs of a search, once the last of them has ended. */
  const jobsOf = (queue: string, searchId: string) =>
    spans
      .ended(`process ${queue}`)
      .filter(({ attributes }) => String(attributes['messaging.message.id']).startsWith(searchId));
  const searchEnded = (searchId: string) =>
    waitFor('the span of the summing up', () =>
      jobsOf('ebay-search', searchId).find(({ attributes }) => attributes['dpf.job.moved'] === undefined),
    );
  const collect = async (request: Parameters<typeof service.search>[0]) => {
    const report = await service.search(request);
    return { ...report, end: await searchEnded(report.searchId) };
  };
  const below = (parent: EndedSpan, name?: string) =>
    spans
      .ended(name)
      .filter(({ parentId, traceId }) => parentId === parent.spanId && traceId === parent.traceId);
  const one = (found: EndedSpan[]): EndedSpan => {
    expect(found.map(({ name }) => name)).to.have.length(1);
    return found[0] as EndedSpan;
  };

  it('lead from the caller’s traceparent over every job to the calls and the storing of their answers', async () => {
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER}-01` };
    const { json } = await http.call('POST', '/v1/searches', { query: 'phone case', maxItems: 400 }, headers);
    const { searchId } = json;
    await service.producer.waitFor(searchId);
    await searchEnded(searchId);
    const request = one(await waitFor('its span', () => nonEmpty(spans.ended('POST /v1/searches'))));
    expect(request).to.deep.include({
      traceId: TRACE_ID,
      parentId: CALLER,
      kind: SpanKind.SERVER,
      status: 0,
    });
    expect(request.attributes).to.deep.equal({
      'http.request.method': 'POST',
      'http.route': '/v1/searches',
      'http.response.status_code': 202,
      'url.path': '/v1/searches',
      'url.scheme': 'http',
    });
    const sent = one(below(request));
    expect(sent).to.deep.include({ name: 'send ebay-search', kind: SpanKind.PRODUCER });
    const searches = below(sent, 'process ebay-search');
    expect(searches.map(({ attributes }) => attributes['dpf.job.moved'])).to.deep.equal([
      'movedToWaitingChildren',
      undefined,
    ]);
    const pages = below(searches[0] as EndedSpan, 'process ebay-calls');
    expect(pages.map(({ attributes }) => attributes['messaging.message.id'])).to.deep.equal([
      `${searchId}-r1-p1`,
      `${searchId}-r1-p2`,
    ]);
    for (const page of pages) {
      expect(page).to.deep.include({ kind: SpanKind.CONSUMER, status: 0 });
      expect(page.attributes).to.include({
        'messaging.system': 'bullmq',
        'messaging.destination.name': 'ebay-calls',
        'messaging.operation.type': 'process',
      });
      const names = below(page).map(({ name }) => name);
      expect(names.filter((name) => !name.startsWith('POST'))).to.deep.equal([
        'gate wait',
        SEARCH_CALL,
        'store answer',
      ]);
      const call = one(below(page, SEARCH_CALL));
      expect(call.kind).to.equal(SpanKind.CLIENT);
      expect(call.attributes).to.include({ 'http.response.status_code': 200, 'server.address': '127.0.0.1' });
    }
    // The worker asks for a token and its quota when it starts, which is no part of a search.
    const mint = one(spans.ended('POST /identity/v1/oauth2/token'));
    expect(mint).to.deep.include({ kind: SpanKind.CLIENT, status: 0 });
    expect(mint.attributes).to.include({ 'http.request.method': 'POST', 'http.response.status_code': 200 });
    const others = spans.ended(/^(?!.*(oauth2|rate_limit))/);
    expect(new Set(others.map(({ traceId }) => traceId))).to.deep.equal(new Set([TRACE_ID]));
    expect(JSON.stringify(spans.ended()), 'no text of the caller').not.to.match(/phone|Bearer|dpf_live/);
  });

  it('show both calls of a page whose first attempt failed, and the failure’s code', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    const { summary } = await collect({ query: 'phone case', maxItems: 200 });
    expect(summary?.outcome).to.equal('complete');
    const [failed, done] = spans.ended('process ebay-calls') as [EndedSpan, EndedSpan];
    expect(done.parentId, 'beside each other').to.equal(failed.parentId);
    expect([failed, done].map(({ status, attributes }) => [status, attributes['error.type']])).to.deep.equal([
      [2, 'ebay-server-error'],
      [0, undefined],
    ]);
    expect([failed, done].map(({ attributes }) => attributes['dpf.job.attempt'])).to.deep.equal([1, 2]);
    const calls = [failed, done].map((job) => one(below(job, SEARCH_CALL)));
    expect(calls.map(({ attributes }) => attributes['http.response.status_code'])).to.deep.equal([500, 200]);
    expect(calls.map(({ attributes }) => attributes['error.type'])).to.deep.equal([
      'ebay-server-error',
      undefined,
    ]);
  });

  it('show a quick retry as a second call of the same job', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 503, count: 1 });
    await collect({ query: 'phone case', maxItems: 200 });
    const calls = below(one(spans.ended('process ebay-calls')), SEARCH_CALL);
    expect(calls.map(({ attributes }) => attributes['http.request.resend_count'])).to.deep.equal([
      undefined,
      1,
    ]);
  });

  it('have a link from a search that another one answered to the trace that made the calls', async () => {
    const request = { query: 'phone case', maxItems: 200, maxAge: 60 };
    const { end: leader } = await collect(request);
    const { end: follower, summary } = await collect(request);
    expect(summary?.calls).to.equal(0);
    expect(follower.links).to.deep.equal([leader.spanId]);
    expect(follower.traceId).not.to.equal(leader.traceId);
    expect(leader.links).to.deep.equal([]);
  });

  it('go on from a plain BullMQ producer with bullmq-otel, without its baggage', async () => {
    const connection = { url: service.config.redis.url };
    const telemetry = new BullMQOtel({ tracerName: 'caller' });
    const queue = new Queue('ebay-search', { connection, prefix: '{ebay}', telemetry });
    const baggage = propagation.createBaggage({ secret: { value: 'private' } });
    await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
      queue.add('search', { query: 'phone case', maxItems: 200 }, { jobId: 'foreign', priority: 2 }),
    );
    await queue.close();
    await service.producer.waitFor('foreign');
    const end = await searchEnded('foreign');
    const added = one(spans.ended(/^add /));
    expect(end).to.include({ traceId: added.traceId, parentId: added.spanId });
    const page = one(spans.ended('process ebay-calls'));
    expect(page.traceId).to.equal(added.traceId);
    const stored = await service.calls.getJob('foreign-r1-p1');
    expect(stored?.opts.telemetry?.metadata).to.match(/^\{"traceparent":"[^"]+"\}$/);
  });

  it('start with a job that carries none that can be read', async () => {
    const broken = [
      '{',
      '[]',
      '"x"',
      'null',
      '{"traceparent":"00-0-0-01"}',
      `{"traceparent":"${'x'.repeat(5000)}"}`,
    ];
    const jobs = broken.map((metadata, index) => ({
      name: 'search',
      data: { query: 'phone case', maxItems: 100 + index },
      opts: { jobId: `broken-${index}`, telemetry: { metadata } },
    }));
    await service.searches.addBulk(jobs);
    for (const { opts } of jobs) await service.producer.waitFor(opts.jobId);
    for (const { opts } of jobs) expect(await searchEnded(opts.jobId)).to.include({ parentId: undefined });
  });

  it('are named in log lines and in problems, and hold no API key that a path has', async () => {
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER}-01` };
    const { json, status } = await http.call(
      'GET',
      '/v1/nothing/dpf_live_0123456789_01234567890123456789012',
      undefined,
      headers,
    );
    expect(status).to.equal(404);
    expect(json.traceId).to.equal(TRACE_ID);
    const request = one(await waitFor('its span', () => nonEmpty(spans.ended('GET'))));
    expect(request.attributes['url.path']).to.equal('/v1/nothing/***');
    expect(request.status, 'the caller’s mistake').to.equal(0);
    await http.call('POST', '/v1/searches', { query: 'phone case' }, headers);
    await waitFor('the log line', () => /"request answered"/.test(http.logged));
    expect(http.logged).to.contain(`"trace_id":"${TRACE_ID}"`);
  });

  it('hold what a request does whose body comes later than its head', async () => {
    const body = JSON.stringify({ query: 'phone case' });
    const authorization = `Bearer ${await http.key()}`;
    // The server remembers the key, so that it waits for nothing but the body.
    await http.call('GET', '/v1/quota', undefined, { authorization });
    const headers = {
      authorization,
      'content-type': 'application/json',
      'content-length': body.length,
      expect: '100-continue',
    };
    const request = httpRequest(`${http.app.url}/v1/searches`, { method: 'POST', headers, agent: false });
    request.once('continue', () => request.end(body)).flushHeaders();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).to.equal(202);
    const answered = one(await waitFor('its span', () => nonEmpty(spans.ended('POST /v1/searches'))));
    one(below(answered, 'send ebay-search'));
  });

  it('do not count probes', async () => {
    expect((await http.call('GET', '/livez')).status).to.equal(200);
    expect((await http.call('GET', '/v1/quota')).status).to.equal(200);
    await waitFor('a span', () => nonEmpty(spans.ended('GET /v1/quota')));
    expect(spans.ended(/livez/)).to.deep.equal([]);
  });

  it('belong to the caller of the library too', async () => {
    const tracer = trace.getTracer('caller');
    const { searchId } = await tracer.startActiveSpan('caller', async (span) => {
      const added = await service.producer.enqueue({ query: 'phone case', maxItems: 200 });
      span.end();
      return added;
    });
    await service.producer.waitFor(searchId);
    const end = await searchEnded(searchId);
    expect(end.traceId).to.equal(one(spans.ended('caller')).traceId);
  });
});

describe('without a tracer provider', () => {
  const service = useService();
  const http = useHttpService({ LOG_LEVEL: 'debug' }, { beside: service });

  it('jobs carry nothing, and neither answers nor log lines name a trace', async () => {
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER}-01` };
    const { json } = await http.call('POST', '/v1/searches', { query: 'phone case' }, headers);
    await service.producer.waitFor(json.searchId);
    for (const [queue, id] of Object.entries({ search: json.searchId, calls: `${json.searchId}-r1-p1` })) {
      const options = (await http.redis.hget(`{ebay}:ebay-${queue}:${id}`, 'opts')) as string;
      expect(JSON.parse(options), queue).to.include.keys('priority').and.not.have.any.keys('tm', 'omc');
    }
    const refused = await http.call('POST', '/v1/searches', { query: '' }, headers);
    expect(refused.status).to.equal(400);
    expect(refused.json).not.to.have.property('traceId');
    await waitFor('the log lines', () => /"status":400/.test(http.logged));
    expect(http.logged).not.to.contain('trace_id');
  });
});

function nonEmpty<T>(list: T[]): T[] | undefined {
  return list.length > 0 ? list : undefined;
}
