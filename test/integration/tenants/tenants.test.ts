import { expect } from 'chai';
import type { Failure } from '../../../src/failures.ts';
import { credentialOf, useTenants } from '../../support/tenants.ts';
import { waitFor } from '../../support/waitFor.ts';

const REQUEST = { query: 'phone case', maxItems: 20 };

describe('tenants of one worker', () => {
  const service = useTenants(['shop-a', 'shop-b']);
  const all = ['default', 'shop-a', 'shop-b'];
  const ended = async (tenant: string, searchId: string) =>
    service.producer(tenant).waitFor(searchId, { timeoutMs: 15_000 });
  const search = async (tenant: string, request = REQUEST) => {
    await service.producer(tenant).ready();
    const { searchId } = await service.producer(tenant).enqueue(request);
    return ended(tenant, searchId);
  };
  const callsOf = (tenant: string) =>
    service.simulator.controls
      .log({ kind: 'search' })
      .filter(({ credential }) => credential === credentialOf(tenant).clientId).length;

  it('call with their own keyset, and share neither token nor queue nor result', async () => {
    const reports = await Promise.all(all.map((tenant) => search(tenant)));
    expect(reports.map(({ summary }) => summary?.outcome)).to.deep.equal(Array(3).fill('complete'));
    // The same request: were anything shared, one of them would have answered the others.
    expect([callsOf('shop-a'), callsOf('shop-b')]).to.deep.equal([1, 1]);
    const keys = await service.redis.connect().keys('ebay:access_token*');
    expect(keys.toSorted()).to.deep.equal([
      'ebay:access_token',
      'ebay:access_token:shop-a',
      'ebay:access_token:shop-b',
    ]);
  });

  it('do not know each other’s searches and schedules', async () => {
    const { searchId } = await search('shop-a');
    await service.producer('shop-a').schedule.add({ name: 'mine', every: 3600, request: REQUEST });
    const b = service.producer('shop-b');
    const refusal = (id: string, ask: (id: string) => Promise<unknown>) =>
      ask(id).then(
        () => 'answered',
        (error: Failure) => `${error.code} ${error.message.replaceAll(id, 'ID')}`,
      );
    for (const ask of [b.get, b.products, b.cancel, b.retry].map((method) => method.bind(b)))
      expect(await refusal(searchId, ask)).to.equal(await refusal(searchId.replace(/.$/, 'x'), ask));
    const { schedule } = b;
    for (const ask of [schedule.get, schedule.pause, schedule.runNow, schedule.remove])
      expect(await refusal('mine', ask.bind(schedule))).to.equal(await refusal('none', ask.bind(schedule)));
    expect(await schedule.list()).to.deep.equal([]);
  });

  it('notice nothing of one whose secret was revoked', async () => {
    service.simulator.controls.setCredential({ ...credentialOf('shop-a'), clientSecret: 'SBX-another' });
    const [a, b, own] = await Promise.all(['shop-a', 'shop-b', 'default'].map((tenant) => search(tenant)));
    expect(a?.error?.code).to.equal('credential-refused');
    expect([b?.summary?.outcome, own?.summary?.outcome]).to.deep.equal(['complete', 'complete']);
  });

  it('notice nothing of one whose day is used up', async () => {
    const { clientId } = credentialOf('shop-a');
    service.simulator.controls.quota({ clientId, limit: 1, used: 1 });
    await service.producer('shop-a').ready();
    const { searchId } = await service.producer('shop-a').enqueue(REQUEST);
    await waitFor(
      'the refusal',
      async () => (await service.producer('shop-a').get(searchId)).progress?.reason === 'quota',
    );
    for (const tenant of ['shop-b', 'default'])
      expect((await search(tenant)).summary?.outcome, tenant).to.equal('complete');
    expect((await service.producer('shop-a').get(searchId)).state).to.not.equal('done');
  });

  it('take the secret that a file holds by now, without a restart', async () => {
    const secret = 'SBX-the-next-one';
    service.simulator.controls.setCredential({ ...credentialOf('shop-a'), clientSecret: secret });
    expect((await search('shop-a')).error?.code).to.equal('credential-refused');
    service.files.setSecret('shop-a', secret);
    await waitFor('the new start', () => service.log.split('tenant served').length > 4);
    expect((await search('shop-a')).summary?.outcome).to.equal('complete');
    expect(service.log).to.not.include(secret);
  });
});

describe('a tenant that asks a hundred times over', () => {
  const service = useTenants(['flood', 'calm-a', 'calm-b'], { MIN_API_CALL_INTERVAL: '0.05' });

  it('waits by itself: the others are done while nearly all of its searches wait', async () => {
    await service.producer('flood').ready();
    const requests = Array.from({ length: 100 }, (_, n) => ({ query: `phone case ${n}`, maxItems: 5 }));
    const flood = await service.producer('flood').enqueueMany(requests);
    const calm = ['calm-a', 'calm-b', 'default'];
    await Promise.all(
      calm.map(async (tenant) => {
        await service.producer(tenant).ready();
        const { searchId } = await service.producer(tenant).enqueue({ query: 'yoga mat', maxItems: 5 });
        return service.producer(tenant).waitFor(searchId, { timeoutMs: 15_000 });
      }),
    );
    const states = await Promise.all(flood.map(({ searchId }) => service.producer('flood').get(searchId)));
    // 100 calls at 50 ms take five seconds; theirs took one slot each.
    expect(states.filter(({ state }) => state === 'done').length).to.be.below(80);
    const arrivals = service.simulator.controls.log({ kind: 'search' }).map(({ credential }) => credential);
    const last = Math.max(...calm.map((tenant) => arrivals.indexOf(credentialOf(tenant).clientId)));
    expect(last).to.be.below(100);
  });
});

describe('a worker without a keyset in its environment', () => {
  const quoted = { REDIS_SENTINEL_PASSWORD: '"hush-hush"' };
  const service = useTenants(['only'], { EBAY_CLIENT_ID: '', EBAY_CLIENT_SECRET: '', ...quoted });

  it('logs what looks wrong in its settings, without the value', () => {
    expect(service.log)
      .to.match(/"setting looks wrong".*"REDIS_SENTINEL_PASSWORD".*quotation marks/)
      .and.not.include('hush-hush');
  });

  it('serves the tenants of the file', async () => {
    expect(service.worker.tenants).to.deep.equal(['only']);
    await service.producer('only').ready();
    const { searchId } = await service.producer('only').enqueue(REQUEST);
    const { summary } = await service.producer('only').waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary?.outcome).to.equal('complete');
  });
});
