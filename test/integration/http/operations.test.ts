import { expect } from 'chai';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

const PORT = 20_000 + (process.pid % 20_000);

describe('a worker’s port for operators', () => {
  const service = useService({ METRICS_PORT: String(PORT) });
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${PORT}${path}`, init);

  it('shows metrics of token, calls and searches in Prometheus’ text', async () => {
    await service.search({ query: 'phone case', maxItems: 250 });
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).to.include('text/plain');
    const text = await response.text();
    expect(text).to.match(/^dpf_ebay_calls_total\{tenant="default",endpoint="search",outcome="ok"\} 2$/m);
    expect(text).to.match(/^dpf_searches_total\{.*outcome="complete"\} 1$/m);
    expect(text).to.match(/^dpf_pages_total\{.*result="stored"\} 2$/m);
    expect(text).to.match(/^dpf_products_total\{tenant="default"\} \d+$/m);
    expect(text).to.match(/^dpf_search_duration_seconds_count\{.*class="interactive"\} 1$/m);
    expect(text).to.match(/^dpf_redis_up 1$/m);
    expect(text).to.match(/^nodejs_eventloop_lag_p99_seconds \S+$/m);
    expect(text).to.not.include('phone case');
    expect(text).to.match(/^dpf_token_mints_total\{.*\} 1$/m);
    expect(text).to.match(/^dpf_quota_remaining\S* \d+$/m);
  });

  it('counts a search that stopped at its bound apart from one of which a page failed', async () => {
    const wanted = { query: 'phone case', maxItems: 250 };
    await service.search({ ...wanted, maxCalls: 1 });
    service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 } });
    await service.search(wanted);
    const text = await waitFor('both to be counted', async () => {
      const shown = await (await get('/metrics')).text();
      return /outcome="partial"/.test(shown) ? shown : undefined;
    });
    expect(text).to.match(/^dpf_searches_total\{.*outcome="bounded"\} 1$/m);
    expect(text).to.match(/^dpf_searches_total\{.*outcome="partial"\} 1$/m);
  });

  it('says that it is alive and ready', async () => {
    const live = await get('/livez');
    expect(live.status).to.equal(200);
    const { eventLoopLagMs, ...said } = (await live.json()) as Record<string, unknown>;
    expect(eventLoopLagMs).to.be.a('number');
    expect(said).to.deep.equal({ alive: true, reasons: [] });
    const ready = await get('/readyz');
    expect(ready.status).to.equal(200);
    expect(await ready.json()).to.deep.equal({ ready: true, reasons: [], degraded: [] });
  });

  it('answers nothing else, and only questions', async () => {
    for (const path of ['/admin', '//']) expect((await get(path)).status, path).to.equal(404);
    const written = await get('/metrics', { method: 'POST', body: 'x' });
    expect(written.status).to.equal(405);
    expect(written.headers.get('allow')).to.equal('GET, HEAD');
  });
});
