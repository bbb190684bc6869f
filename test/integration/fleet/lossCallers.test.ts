import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import sinon from 'sinon';
import { startServeApp } from '../../../src/app/serve.ts';
import type { Failure } from '../../../src/failures.ts';
import { SearchStore } from '../../../src/results/searchStore.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { useLossFleet } from '../../support/lossFleet.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('callers who wait for searches that Redis loses', function () {
  this.timeout(60_000);
  const fleet = useLossFleet();
  let stop: (() => Promise<unknown>) | undefined;
  let url: string;
  let served = '';
  const serve = async () => {
    const stream = new PassThrough();
    served = '';
    stream.on('data', (text) => {
      served += text;
    });
    const env = fleet.env(fleet.redis.url, { HTTP_PORT: '0' });
    const app = await startServeApp(
      testConfig(env),
      new LogRoot({ level: 'info', levels: '', format: 'json' }, stream),
      { sources: { env, files: [fleet.files.configFile] } },
    );
    stop = app.stop;
    url = app.url;
  };
  const newKey = async () =>
    (
      await fleet
        .keys()
        .add({ name: 'reports', tenant: 'default', roles: ['read', 'enqueue'], expiresAt: null })
    ).key;
  afterEach(async () => {
    await stop?.();
    stop = undefined;
  });

  it('get a clear end: the library, a held answer, a stream; later searches are whole', async () => {
    const authorization = `Bearer ${await newKey()}`;
    const worker = await fleet.startWorker({ MIN_API_CALL_INTERVAL: '0' });
    await serve();
    const main = fleet.producer();
    await main.ready();
    fleet.simulator.controls.configure({ latencyMs: 1000 });
    const requests = [0, 1, 2].map((n) => ({
      query: 'phone case',
      maxItems: 1000,
      title: { exclude: [`x${n}`] },
    }));
    const [first, second, third] = (await main.enqueueMany(requests)).map(({ searchId }) => searchId) as [
      string,
      string,
      string,
    ];
    let seen = 0;
    const waited = main
      .waitFor(first, {
        onProgress: () => {
          seen += 1;
        },
      })
      .catch((failure: Failure) => failure);
    const held = fetch(`${url}/v1/searches/${second}?wait=60`, { headers: { authorization } });
    const streamed = fetch(`${url}/v1/searches/${third}/events`, { headers: { authorization } }).then(
      (answer) => answer.text(),
    );
    const calls = () => fleet.simulator.controls.log({ kind: 'search' }).length;
    await waitFor('calls under way', () => calls() >= 3 && seen > 0);

    await fleet.admin.flushall();
    expect(await waited).to.include({ code: 'search_not_found' });
    expect((await waited) as Failure)
      .to.have.property('message')
      .that.matches(/is gone, as Redis lost it/);
    const answer = await held;
    expect(answer.status).to.equal(404);
    expect(await answer.text()).to.include(':not_found"');
    expect(await streamed).to.match(/event: error\ndata: \{"code":"search_not_found"\}\n\n$/);

    // The pages under way come back to searches that are gone, and nothing follows them.
    await waitFor('the schedules', async () => (await main.schedule.list()).length === 1);
    fleet.simulator.controls.configure({ latencyMs: 0 });
    const again = await main.enqueue({ query: 'phone case', maxItems: 400 });
    const { summary } = await main.waitFor(again.searchId, { timeoutMs: 20_000 });
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2 });
    expect(worker.log).to.not.match(/none-found|filtered-out/);
    const events = await fleet.admin.xrange('{ebay}:events', '-', '+');
    expect(events).to.have.length(1);
  });

  it('share no failure: a search that Redis lost as it began says nothing of an identical one that follows', async () => {
    const worker = await fleet.startWorker({ MIN_API_CALL_INTERVAL: '0' });
    const main = fleet.producer();
    await main.ready();
    const request = { query: 'phone case', maxItems: 10 };
    const begin = SearchStore.prototype.begin;
    let again: Promise<{ searchId: string }> | undefined;
    const held = sinon.stub(SearchStore.prototype, 'begin').callsFake(async function (
      this: SearchStore,
      ...args
    ) {
      held.restore();
      await fleet.admin.flushall();
      again = main.enqueue(request);
      await again;
      return begin.apply(this, args);
    });
    const lost = await main.enqueue(request);
    await waitFor('the loss', () => again);
    const { searchId } = await (again as Promise<{ searchId: string }>);
    expect((await main.waitFor(searchId, { timeoutMs: 20_000 })).summary?.outcome).to.equal('complete');
    expect(await main.waitFor(lost.searchId).catch((error) => error)).to.include({
      code: 'search_not_found',
    });
    expect(worker.messages('warn')).to.not.include('search ended');
    const events = (await fleet.admin.xrange('{ebay}:events', '-', '+')).map(([, fields]) =>
      fields.join(' '),
    );
    expect(events).to.have.length(1);
    expect(events[0]).to.include(searchId);
  });

  it('get no empty list of products where Redis loses them while they are read', async () => {
    await fleet.startWorker({ MIN_API_CALL_INTERVAL: '0' });
    const main = fleet.producer();
    await main.ready();
    let { searchId } = await main.enqueue({ query: 'phone case', maxItems: 10 });
    await main.waitFor(searchId, { timeoutMs: 15_000 });
    expect(await main.products(searchId)).to.have.length(10);
    for (const read of ['readAll', 'storedPages'] as const) {
      const lost = sinon.stub(SearchStore.prototype, read).callsFake(async function (this: SearchStore, ref) {
        lost.restore();
        await fleet.admin.flushall();
        return (await this[read](ref)) as never;
      });
      const parts = async () => {
        for await (const part of main.productParts(searchId)) return part;
        return [];
      };
      const failure = await (read === 'readAll' ? main.products(searchId) : parts()).catch((error) => error);
      expect(failure, read).to.include({ code: 'search_not_found' });
      // For the next way to read.
      await fleet.looked();
      const again = await main.enqueue({ query: 'phone case', maxItems: 10 });
      await main.waitFor(again.searchId, { timeoutMs: 15_000 });
      searchId = again.searchId;
    }
  });

  it('get 401 once all keys are gone, and the log of the server says once how to make one', async () => {
    const authorization = `Bearer ${await newKey()}`;
    await serve();
    const status = async () =>
      (await fetch(`${url}/v1/searches/unknown`, { headers: { authorization } })).status;
    expect(await status()).to.equal(404);
    await fleet.admin.flushall();
    await waitFor('the refusal', async () => (await status()) === 401);
    await waitFor('the line', () => /there is no API key.*dpf keys add NAME/.test(served));
    const readiness = await fetch(`${url}/readyz`);
    const { degraded } = (await readiness.json()) as { degraded: string[] };
    expect(readiness.status).to.equal(200);
    expect(degraded).to.have.length(1);
    expect(degraded[0]).to.match(/^Redis lost its data at .*: dpf doctor says what is gone$/);
    await fleet.looked();
    expect(served.split('there is no API key')).to.have.length(2);
    await fleet.store().clearLoss();
    await waitFor('the end of the report', async () => {
      const after = (await (await fetch(`${url}/readyz`)).json()) as { degraded: string[] };
      return after.degraded.length === 0;
    });
  });
});
