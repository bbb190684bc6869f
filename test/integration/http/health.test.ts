import { expect } from 'chai';
import sinon from 'sinon';
import { startServeApp } from '../../../src/app/serve.ts';
import { startWorkerApp } from '../../../src/app/worker.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { Readiness } from '../../../src/http/operations.ts';
import { testConfig } from '../../support/config.ts';
import { freePort } from '../../support/freePort.ts';
import { startTestRedis } from '../../support/redis.ts';
import { type TestService, useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

const port = await freePort();
const env = (own: Record<string, string> = {}) => ({ METRICS_PORT: String(port), ...own });

async function readiness(url = `http://127.0.0.1:${port}`): Promise<Readiness & { status: number }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, ...((await response.json()) as Readiness) };
}

const oneSearch = ({ producer }: TestService) => producer.enqueue({ query: 'lamp' });

describe('the health of a worker', () => {
  const service = useService(env({ TOKEN_FAILURE_BACKOFF: '60' }));

  it('is degraded while eBay allows no call', async () => {
    service.simulator.controls.arm({ fault: 'rate-limited', retryAfter: '120', count: 1 });
    await oneSearch(service);
    const paused = await waitFor('the pause', async () => {
      const now = await readiness();
      return now.degraded.length > 0 ? now : undefined;
    });
    expect(paused).to.include({ status: 200, ready: true });
    expect(paused.degraded[0]).to.match(/^calls wait until 2\S+Z: pause$/);
  });

  it('is degraded while the token endpoint fails', async () => {
    await service.search({ query: 'lamp', maxItems: 5 });
    service.simulator.controls.arm({ fault: 'status', status: 503, on: { endpoint: 'token' } });
    service.simulator.controls.revokeTokens();
    await oneSearch(service);
    const without = await waitFor('the cool-down', async () => {
      const now = await readiness();
      return now.degraded.length > 0 ? now : undefined;
    });
    expect(without).to.include({ status: 200, ready: true });
    expect(without.degraded[0]).to.match(/^the token cannot be had before 2\S+Z: server-error$/);
  });

  it('is degraded beside a clock that is a minute off: work follows Redis’s', async () => {
    const clock = sinon.useFakeTimers({ now: Date.now() - 60_000, toFake: ['Date'] });
    try {
      const off = await readiness();
      expect(off).to.include({ status: 200, ready: true });
      expect(off.degraded[0]).to.match(/^Redis’s clock and this machine’s are (59|60|61) s apart$/);
    } finally {
      clock.restore();
    }
  });
});

describe('the health of a worker with a wrong keyset', () => {
  useService(env({ EBAY_CLIENT_SECRET: 'not-this-one' }));

  it('is no readiness: a release with it must not be rolled out', async () => {
    const refused = await waitFor('the refusal', async () => {
      const now = await readiness();
      return now.ready ? undefined : now;
    });
    expect(refused.status).to.equal(503);
    expect(refused.reasons.join()).to.match(/^the token cannot be had before 2\S+Z: invalid_client$/);
  });
});

describe('the health of a worker that waits for Redis to start', () => {
  it('is alive, so that nothing restarts it, and not ready; metrics say that Redis is away', async () => {
    const own = { EBAY_CLIENT_ID: 'Finder-SBX-1', EBAY_CLIENT_SECRET: 'SBX-1' };
    const config = testConfig(env({ REDIS_URL: 'redis://127.0.0.1:1/0', ...own }));
    const interrupt = new AbortController();
    const starting = startWorkerApp(config, quietLog(), { signal: interrupt.signal });
    const ended = starting.catch(() => 'interrupted');
    const url = `http://127.0.0.1:${port}`;
    await waitFor('the port', () =>
      fetch(`${url}/livez`).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    const waiting = await readiness();
    expect(waiting.status).to.equal(503);
    expect(waiting.reasons).to.deep.equal(['the worker has not started yet', 'Redis does not answer']);
    expect(await (await fetch(`${url}/metrics`)).text()).to.match(/^dpf_redis_up 0$/m);
    interrupt.abort();
    expect(await ended).to.equal('interrupted');
  });
});

describe('the health of a server whose Redis goes away', () => {
  it('stays alive, and is ready again by itself; it needs no keyset for that', async () => {
    const redis = await startTestRedis();
    const keyset = { EBAY_CLIENT_ID: '', EBAY_CLIENT_SECRET: '' };
    const own = { HTTP_PORT: '0', HTTP_WITHOUT_KEYS: 'true' };
    const config = testConfig({ REDIS_URL: redis.url, ...own, ...keyset });
    const app = await startServeApp(config, quietLog());
    expect(await readiness(app.url)).to.deep.equal({ status: 200, ready: true, reasons: [], degraded: [] });
    await redis.stop();
    const gone = await readiness(app.url);
    expect(gone).to.include({ status: 503 });
    expect(gone.reasons).to.deep.equal(['Redis does not answer']);
    expect((await fetch(`${app.url}/livez`)).status).to.equal(200);
    const again = await startTestRedis([], redis.port);
    await waitFor('Redis', async () => (await readiness(app.url)).ready);
    await app.stop();
    await again.stop();
  });
});
