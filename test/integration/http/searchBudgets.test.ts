import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import { Failure } from '../../../src/failures.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import type { SearchReport } from '../../../src/queue/searchReader.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('searches with a budget', () => {
  // A third of the answers is an error in one of these tests: an open circuit would hold its searches up.
  const service = useService({ CIRCUIT_MIN_CALLS: '1000' });
  const http = useHttpService({}, { beside: service });
  const calls = () => service.simulator.controls.log({ kind: 'search' }).length;
  const keyWith = async (dailyCalls: number) =>
    http.keys.add({
      ...{ name: 'shop', tenant: 'default', roles: ['enqueue', 'read'], expiresAt: null },
      dailyCalls,
    });
  /** No two of them are identical. */
  const differing = (n: number) => ({ query: 'phone case', maxItems: 10, title: { exclude: [`word${n}`] } });
  const budgetOf = async (apiKey: string) =>
    (await service.producer.estimate({ query: 'any' }, { apiKey })).budget;
  const ended = (searchId: string) => service.producer.waitFor(searchId, { timeoutMs: 15_000 });
  const codesOf = ({ summary, error }: SearchReport) =>
    error === null ? summary?.missing.map(({ code }) => code) : [error.code];

  it('make exactly the calls of one key, whichever of eight programs puts them in', async () => {
    const { id } = (await keyWith(15)).record;
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    const producers = Array.from({ length: 8 }, () => openProducer(service.config, { log }));
    try {
      await Promise.all(producers.map((producer) => producer.ready()));
      const added = await Promise.allSettled(
        Array.from({ length: 120 }, (_, n) =>
          (producers[n % 8] as SearchProducer).enqueue(differing(n), { apiKey: id }),
        ),
      );
      const accepted = added.flatMap((each) => (each.status === 'fulfilled' ? [each.value.searchId] : []));
      const refused = added.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect(accepted).to.have.length(15);
      for (const failure of refused)
        expect(failure).to.be.instanceOf(Failure).with.property('code', 'budget_exceeded');
      const reports = await Promise.all(accepted.map(ended));
      expect(reports.map(({ summary }) => summary?.outcome)).to.deep.equal(Array(15).fill('complete'));
      expect(calls()).to.equal(15);
      expect(await budgetOf(id)).to.include({ used: 15, reserved: 0, left: 0 });
    } finally {
      await Promise.all(producers.map((producer) => producer.close()));
    }
  });

  it('are charged for retries, and make no call beyond the limit while a third of the answers is an error', async () => {
    const { id } = (await keyWith(17)).record;
    service.simulator.controls.arm({ fault: 'status', status: 500, share: 1 / 3 });
    const requests = Array.from({ length: 15 }, (_, n) => differing(n));
    const added = await service.producer.enqueueMany(requests, { apiKey: id });
    const reports = await Promise.all(added.map(({ searchId }) => ended(searchId)));
    const failed = reports.filter(({ error }) => error !== null);
    expect(failed.map(codesOf)).to.deep.equal(failed.map(() => ['budget_exceeded']));
    expect(failed).to.not.have.length(0);
    expect(calls()).to.equal(17);
    expect(await budgetOf(id)).to.include({ used: 17, reserved: 0 });
  });

  it('are charged for the call that a refused token costs', async () => {
    const { id } = (await keyWith(9)).record;
    service.simulator.controls.arm({ fault: 'expired-token', count: 1 });
    const { searchId } = await service.producer.enqueue(
      { query: 'phone case', maxItems: 10 },
      { apiKey: id },
    );
    expect((await ended(searchId)).summary).to.include({ calls: 2, callsLeft: 7 });
    expect(await budgetOf(id)).to.include({ used: 2, reserved: 0 });
  });

  it('end with what they have where more is needed than was reserved', async () => {
    const { id } = (await keyWith(2)).record;
    const request = { query: 'phone case', maxItems: 200, title: { include: ['nothing has this'] } };
    const { searchId } = await service.producer.enqueue(request, { apiKey: id });
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'partial', stoppedBy: null, calls: 2, callsLeft: 0 });
    expect(summary?.missing).to.containSubset([{ page: 3, code: 'budget_exceeded' }]);
    expect(summary?.error).to.include({ code: 'budget_exceeded', retryable: true });
    expect(calls()).to.equal(2);
  });

  it('cost one search only where they are identical, and release what a cancelled one did not use', async () => {
    const [first, second] = [(await keyWith(50)).record, (await keyWith(50)).record];
    service.simulator.controls.configure({ latencyMs: 100 });
    const same = { query: 'phone case', maxItems: 400 };
    const leader = await service.producer.enqueue(same, { apiKey: first.id });
    await waitFor('a call', () => calls() > 0);
    const follower = await service.producer.enqueue(same, { apiKey: second.id });
    expect(await budgetOf(second.id)).to.include({ reserved: 2 });
    expect((await ended(leader.searchId)).summary).to.include({ calls: 2, callsLeft: 48 });
    expect((await ended(follower.searchId)).summary).to.include({ calls: 0, callsLeft: null });
    expect(await budgetOf(second.id)).to.include({ used: 0, reserved: 0, left: 50 });

    const before = calls();
    const large = await service.producer.enqueue(
      { query: 'usb c hub', maxItems: 4000 },
      { apiKey: second.id },
    );
    await waitFor('a call', () => calls() > before);
    expect(await service.producer.cancel(large.searchId)).to.equal(true);
    await ended(large.searchId);
    expect(await budgetOf(second.id)).to.include({ used: calls() - before, reserved: 0 });
  });

  it('share no end with others that came from a spent budget', async () => {
    const [poor, rich] = [(await keyWith(1)).record, (await keyWith(50)).record];
    service.simulator.controls.configure({ latencyMs: 100 });
    const same = { query: 'phone case', maxItems: 200, title: { include: ['nothing has this'] } };
    const leader = await service.producer.enqueue(same, { apiKey: poor.id });
    await waitFor('a call', () => calls() > 0);
    const follower = await service.producer.enqueue(same, { apiKey: rich.id });
    expect(codesOf(await ended(leader.searchId))).to.deep.equal(['budget_exceeded']);
    expect(codesOf(await ended(follower.searchId))).to.deep.equal([]);
    expect(await budgetOf(poor.id)).to.include({ used: 1 });
  });

  it('are charged to who retries them', async () => {
    const [first, second] = [await keyWith(1), await keyWith(9)];
    const request = { query: 'phone case', maxItems: 200, title: { include: ['nothing has this'] } };
    const { searchId } = await service.producer.enqueue(request, { apiKey: first.record.id });
    expect((await ended(searchId)).summary).to.include({ outcome: 'partial', calls: 1 });
    const headers = { authorization: `Bearer ${second.key}` };
    expect((await http.call('POST', `/v1/searches/${searchId}/retry`, undefined, headers)).status).to.equal(
      202,
    );
    const retried = await waitFor('the second run', async () => {
      const { summary } = await service.producer.get(searchId);
      return summary?.missing.length === 0 ? summary : undefined;
    });
    expect(await budgetOf(first.record.id)).to.include({ used: 1 });
    expect(await budgetOf(second.record.id)).to.include({ used: retried.calls - 1, reserved: 0 });
  });

  it('accept no retry from a spent budget, and one that needs no call from any', async () => {
    const { key, record } = await keyWith(2);
    const headers = { authorization: `Bearer ${key}` };
    const retry = (searchId: string, by = headers) =>
      http.call('POST', `/v1/searches/${searchId}/retry`, undefined, by);
    const whole = await service.producer.enqueue(differing(1), { apiKey: record.id });
    await ended(whole.searchId);
    const request = { query: 'phone case', maxItems: 200, title: { include: ['nothing has this'] } };
    const { searchId } = await service.producer.enqueue(request, { apiKey: record.id });
    expect((await ended(searchId)).summary).to.include({ outcome: 'partial', calls: 1 });
    const refused = await retry(searchId);
    expect([refused.status, refused.json.errors[0].code]).to.deep.equal([429, 'budget_exceeded']);
    expect(refused.json.budget).to.include({ name: record.id, used: 2, left: 0, needed: 1 });
    expect(refused.json.detail).to.include('1 is needed');
    expect(Number(refused.headers.get('retry-after'))).to.be.within(1, 90_000);
    // Nothing has changed: a retry of who put it in is refused too.
    const other = await service.producer.retry(searchId).catch((error) => error);
    expect(other).to.be.instanceOf(Failure).with.property('code', 'budget_exceeded');
    expect((await service.producer.get(searchId)).state).to.equal('done');
    expect((await retry(whole.searchId)).status).to.equal(202);
    await ended(whole.searchId);
    expect(calls()).to.equal(2);
  });

  it('release what they reserved where one fails before it begins, and where one cannot be read', async () => {
    const { id } = (await keyWith(50)).record;
    await service.searches.pause();
    const crashed = await service.producer.enqueue(differing(1), { apiKey: id });
    const broken = await service.producer.enqueue(differing(2), { apiKey: id });
    expect(await budgetOf(id)).to.include({ reserved: 2 });
    const jobKey = (searchId: string) => service.searches.toKey(searchId);
    await http.redis.hset(jobKey(crashed.searchId), 'stc', service.config.worker.maxRestarts);
    await http.redis.hset(jobKey(broken.searchId), 'data', '{');
    await service.searches.resume();
    expect((await ended(crashed.searchId)).error).to.include({ code: 'crashed-worker' });
    await waitFor('both are released', async () => (await budgetOf(id))?.reserved === 0);
    expect(calls()).to.equal(0);
  });

  it('are refused over HTTP before anything is spent, with the budget, and answers say what is left', async () => {
    const { key, record } = await keyWith(3);
    const headers = { authorization: `Bearer ${key}` };
    const post = (body: unknown) => http.call('POST', '/v1/searches', body, headers);
    const one = await post({ query: 'phone case', maxItems: 10 });
    expect([one.status, one.headers.get('ratelimit-policy')]).to.deep.equal([202, '"key";q=3;w=86400']);
    expect(one.headers.get('ratelimit')).to.match(/^"key";r=2;t=\d+$/);
    await ended(one.json.searchId);
    const many = await post([{ query: 'one', maxItems: 10 }, { query: 'two' }, { query: 'three' }]);
    expect([many.status, many.json.errors[0].code]).to.deep.equal([429, 'budget_exceeded']);
    expect(many.json.budget).to.include({ kind: 'key', name: record.id, limit: 3, used: 1, left: 2 });
    expect(Number(many.headers.get('retry-after'))).to.be.within(1, 90_000);
    expect(many.headers.get('ratelimit')).to.match(/^"key";r=2;t=\d+$/);
    const large = await post({ query: 'one', maxItems: 1000 });
    expect([large.status, large.headers.get('retry-after')]).to.deep.equal([429, null]);
    expect(large.json.detail).to.include('5 are needed: ask for less, or raise the budget');
    expect(Number(/t=(\d+)$/.exec(large.headers.get('ratelimit') as string)?.[1])).to.be.within(3, 90_000);
    expect(calls()).to.equal(1);
    const estimate = await http.call('POST', '/v1/estimates', { query: 'phone case' }, headers);
    expect(estimate.json.budget).to.include({ kind: 'key', used: 1, reserved: 0, left: 2 });
    const state = await http.call('GET', `/v1/searches/${one.json.searchId}`, undefined, headers);
    expect(state.json.summary).to.include({ calls: 1, callsLeft: 2 });
    const item = await http.call('GET', '/v1/items/199999999999', undefined, headers);
    expect(item.headers.get('ratelimit')).to.match(/^"key";r=[01];t=\d+$/);
    service.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    const spent = await http.call('GET', '/v1/items/110000000001', undefined, {
      authorization: `Bearer ${(await keyWith(1)).key}`,
    });
    expect([spent.status, spent.json.errors[0].code]).to.deep.equal([429, 'budget_exceeded']);
    expect(spent.json.budget).to.include({ kind: 'key', limit: 1, used: 1, left: 0, needed: 1 });
    const quota = await http.call('GET', '/v1/quota', undefined, headers);
    expect(quota.headers.get('ratelimit-policy')).to.equal('"key";q=3;w=86400');
    // A key without a budget of its own: the share of its class.
    const other = await http.call('POST', '/v1/estimates', { query: 'phone case' });
    expect(other.headers.get('ratelimit-policy')).to.equal('"interactive";q=5000;w=86400');
    expect(other.json.budget).to.equal(null);
    const backfill = await service.producer.enqueue({
      ...{ query: 'phone case', maxItems: 10, priority: 'backfill' },
    });
    await ended(backfill.searchId);
    const later = await http.call('GET', `/v1/searches/${backfill.searchId}`);
    expect(later.headers.get('ratelimit-policy')).to.match(/^"backfill";/);
  });

  it('reserve nothing for a search that has ended where it is put in again on the next day', async () => {
    const { id } = (await keyWith(5)).record;
    const add = () => service.producer.enqueue(differing(1), { apiKey: id, idempotencyKey: 'daily' });
    const { searchId } = await add();
    await ended(searchId);
    // As the end of the day does.
    await http.redis.del('{ebay}:budgets:default');
    expect(await add()).to.deep.equal({ searchId });
    expect(await budgetOf(id)).to.include({ used: 0, reserved: 0 });
  });

  it('without one leave nothing in Redis', async () => {
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    const { summary } = await ended(searchId);
    expect(summary?.callsLeft).to.be.within(4000, 4999);
    expect(await http.redis.exists('{ebay}:budgets:default')).to.equal(0);
  });
});

describe('searches of a tenant with a budget, and runs of a schedule with one', () => {
  const service = useService({ TENANT_DAILY_CALLS: '3', SWEEP_INTERVAL: '0.5' });
  const calls = () => service.simulator.controls.log({ kind: 'search' }).length;
  const runOf = async (schedule: string) => {
    const { searchId } = await service.producer.schedule.runNow(schedule);
    return service.producer.waitFor(searchId, { timeoutMs: 15_000 });
  };

  it('make no call that is beyond it, however they came into the queue', async () => {
    const { id } = await service.searches.add('search', { query: 'phone case', maxItems: 900 });
    const report = await service.producer.waitFor(id as string, { timeoutMs: 15_000 });
    expect(report.error).to.include({ code: 'budget_exceeded' });
    expect(report.error?.message).to.include('tenant default has 3 of 3 daily calls left, and 5 are needed');
    const degraded = { query: 'phone case', maxItems: 900, onFailure: 'degrade' };
    const other = await service.searches.add('search', degraded);
    const { summary } = await service.producer.waitFor(other.id as string, { timeoutMs: 15_000 });
    expect(summary).to.include({ outcome: 'degraded', calls: 0, callsLeft: null });
    expect(calls()).to.equal(0);

    await service.producer.schedule.add({
      ...{ name: 'daily', every: 86_400, dailyCalls: 1, request: { query: 'phone case', maxItems: 10 } },
      start: '2090-01-01T00:00:00Z',
    });
    expect((await runOf('daily')).summary).to.include({ outcome: 'complete', calls: 1, callsLeft: 0 });
    expect((await runOf('daily')).error?.message).to.include('schedule daily has 0 of 1 daily calls left');
    const { error } = await service.search({ query: 'usb c hub', maxItems: 10 });
    expect([error, calls()]).to.deep.equal([null, 2]);
  });

  it('release what they reserved where a job is removed, or was ended by a worker that releases nothing', async () => {
    const budget = async () => (await service.producer.estimate({ query: 'any' })).budget;
    await service.searches.pause();
    const requests = [1, 2, 3].map((n) => ({ query: `phone case ${n}`, maxItems: 10 }));
    const [removed, endedElsewhere] = await service.producer.enqueueMany(requests);
    expect(await budget()).to.include({ reserved: 3 });
    await service.searches.remove(removed?.searchId as string);
    const redis = new Redis(service.config.redis.url);
    await redis.hset(service.searches.toKey(endedElsewhere?.searchId as string), 'finishedOn', 1);
    redis.disconnect();
    await waitFor('both are released', async () => (await budget())?.reserved === 1);
  });
});
