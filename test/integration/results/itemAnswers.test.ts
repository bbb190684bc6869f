import { expect } from 'chai';
import type { ItemAnswer } from '../../../src/collector/answers.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import { ItemAnswers } from '../../../src/results/itemAnswers.ts';
import { pack } from '../../../src/results/packing.ts';
import { useRedis } from '../../support/redis.ts';

const HOUR_MS = 3_600_000;
const CALL_MS = 50_000;
const ITEM = { itemId: 'v1|110000000001|0', marketplace: 'EBAY_US' } as const;

describe('an answer for an item that searches share', () => {
  const server = useRedis();
  const start = (resultTtlMs = 6 * HOUR_MS) => {
    const redis = server.connect();
    return {
      redis,
      answers: new ItemAnswers({ redis, prefix: '{ebay}', resultTtlMs, callMs: CALL_MS, campaignId: '53' }),
    };
  };
  const request = (change: Partial<NormalRequest> = {}) =>
    ({ tenant: 'default', marketplaces: ['EBAY_US'], ...change }) as NormalRequest;
  const answered = (ageMs: number, value = '10.00') =>
    ({
      details: { observedAt: new Date(Date.now() - ageMs).toISOString(), brand: value },
      listing: { price: { value, currency: 'USD' }, converted: null },
      calls: 2,
      latencyMs: 150,
    }) as unknown as ItemAnswer;
  const keys = async () => (await server.connect().keys('*')).filter((key) => /:item(-claim)?:/.test(key));

  it('is taken while it is younger than detailsMaxAge, costs no call then, and keeps its own time', async () => {
    const { answers } = start();
    const answer = answered(HOUR_MS / 2);
    await answers.put(request(), ITEM, 'job', answer);
    const read = async (detailsMaxAge?: number) => [
      ...(await answers.read(request({ ...(detailsMaxAge !== undefined && { detailsMaxAge }) }), [ITEM])),
    ];
    expect(await read()).to.deep.equal([[ITEM.itemId, { ...answer, calls: 0 }]]);
    expect(await read(1900)).to.have.length(1);
    expect(await read(1700)).to.deep.equal([]);
    expect(await read(0)).to.deep.equal([]);
  });

  it('is kept until RESULTS_TTL after eBay answered, however late it is stored, and for six hours at most', async () => {
    const { redis, answers } = start(2 * HOUR_MS);
    await answers.put(request(), ITEM, 'job', answered(HOUR_MS));
    const [key = ''] = await keys();
    expect(await redis.pttl(key)).to.be.within(HOUR_MS - 60_000, HOUR_MS);

    await start(24 * HOUR_MS).answers.put(request(), { ...ITEM, itemId: 'other' }, 'job', answered(0));
    const later = (await keys()).find((each) => each.endsWith('other')) as string;
    expect(await redis.pttl(later)).to.be.within(6 * HOUR_MS - 60_000, 6 * HOUR_MS);

    await answers.put(request(), { ...ITEM, itemId: 'outlived' }, 'job', answered(3 * HOUR_MS));
    expect(await keys()).to.have.length(2);
  });

  it('keeps the price of the page that led to it where a job that took it stores it again', async () => {
    const { answers } = start();
    const answer = answered(0);
    const read = async (shown: string) => (await answers.read(request(), [{ ...ITEM, shown }])).size;
    await answers.put(request(), { ...ITEM, shown: '12.00 USD' }, 'job', answer);
    await answers.put(request(), { ...ITEM, shown: '10.00 USD' }, 'another', answer);
    expect([await read('12.00 USD'), await read('10.00 USD')]).to.deep.equal([1, 1]);
  });

  it('is not waited for behind a job that never comes: a call that begins stands for the first in the queue', async () => {
    const { answers } = start();
    const job = (jobId: string) => ({ jobId, data: {} });
    const expects = (jobId: string) => answers.expect(request(), ITEM, job(jobId), 1);
    expect(await expects('cancelled')).to.equal(false);
    expect(await expects('second')).to.equal(true);
    expect(await answers.claim(request(), ITEM, job('second'))).to.equal('call');
    expect(await answers.release(request(), ITEM, 'second')).to.have.length(1);
    expect(await expects('third')).to.equal(false);
  });

  it('keeps no job that has failed or is gone among those that want it', async () => {
    const { redis, answers } = start();
    for (const jobId of ['failed', 'gone']) await answers.claim(request(), ITEM, { jobId, data: {} });
    await answers.release(request(), ITEM, 'failed');
    await answers.forget(request(), ITEM, ['failed', 'gone']);
    const left = await Promise.all((await keys()).map((key) => redis.hkeys(key)));
    expect(left).to.deep.equal([]);
  });

  it('gives way to a later one, and never to an earlier one', async () => {
    const { answers } = start();
    const brand = async () => (await answers.read(request(), [ITEM])).get(ITEM.itemId)?.details.brand;
    for (const [ageMs, value, expected] of [
      [2000, '2', '2'],
      [1000, '1', '1'],
      [3000, '3', '1'],
    ] as const) {
      await answers.put(request(), ITEM, 'job', answered(ageMs, value));
      expect(await brand()).to.equal(expected);
    }
  });

  it('is for its tenant, site, place of delivery, language and reference alone', async () => {
    const { answers } = start();
    const shipTo = { country: 'US', postalCode: '10001' };
    await answers.put(request({ shipTo }), ITEM, 'job', answered(0));
    const isKnown = async (change: Partial<NormalRequest>, item: object = {}) =>
      (await answers.read(request({ shipTo, ...change }), [{ ...ITEM, ...item }])).size === 1;
    expect(await isKnown({ query: 'another', maxItems: 3 })).to.equal(true);
    expect(await isKnown({ tenant: 'other' })).to.equal(false);
    expect(await isKnown({ shipTo: { country: 'US' } })).to.equal(false);
    expect(await isKnown({ language: 'fr-CA' })).to.equal(false);
    expect(await isKnown({ reference: 'campaign' })).to.equal(false);
    expect(await isKnown({}, { marketplace: 'EBAY_CA' })).to.equal(false);
    // A search for items makes products of the answer.
    expect(await isKnown({ items: [ITEM.itemId] })).to.equal(false);
  });

  it('is for requests with and without variations, but for one that only says that there are some', async () => {
    const { answers } = start();
    const all = request({ variations: 'all' });
    const known = async () =>
      Promise.all([request(), all].map(async (each) => (await answers.read(each, [ITEM])).size));
    await answers.put(all, ITEM, 'job', answered(1000));
    expect(await known()).to.deep.equal([1, 1]);
    await answers.put(all, ITEM, 'job', { ...answered(0), hasVariations: true });
    expect(await known()).to.deep.equal([0, 1]);
  });

  it('is not taken where a page shows another price than it has and than the page before it showed', async () => {
    const { answers } = start();
    const isKnown = async (shown?: string) =>
      (await answers.read(request(), [{ ...ITEM, ...(shown && { shown }) }])).size === 1;
    await answers.put(request(), { ...ITEM, shown: '12.00 USD' }, 'job', answered(0));
    expect(await isKnown()).to.equal(true);
    expect(await isKnown('10.00 USD')).to.equal(true);
    expect(await isKnown('12.00 USD')).to.equal(true);
    expect(await isKnown('9.00 USD')).to.equal(false);
    expect(await isKnown('10.00 EUR')).to.equal(false);
  });

  it('counts as absent where another program has written something else, and takes its place', async () => {
    const { redis, answers } = start();
    await answers.put(request(), ITEM, 'job', answered(1000));
    const [key = ''] = await keys();
    const plants: Array<() => Promise<unknown>> = [
      () => redis.set(key, 'text'),
      () => redis.rpush(key, 'list'),
      () => redis.hset(key, 'at', Date.now(), 'answer', 'nonsense'),
      () => redis.hset(key, 'at', 'never', 'answer', pack(null)),
      () => redis.hset(key, 'at', Date.now(), 'answer', pack({ answer: 'x' })),
    ];
    for (const plant of plants) {
      await redis.del(key);
      await plant();
      expect((await answers.read(request(), [ITEM])).size).to.equal(0);
      expect(await answers.claim(request(), ITEM, job('job'))).to.equal('call');
      await answers.put(request(), ITEM, 'job', answered(-5000));
      expect((await answers.read(request(), [ITEM])).size).to.equal(1);
    }
  });

  const job = (jobId: string) => ({ jobId, data: { of: jobId } });

  it('is called for by one job: others wait for its answer, and one of them calls after a failure', async () => {
    const { answers } = start();
    const claim = (owner: string, change = {}) => answers.claim(request(change), ITEM, job(owner));
    const waits = async (owner: string) => {
      const claimed = await claim(owner);
      return typeof claimed === 'object' && 'waitMs' in claimed && claimed.waitMs > CALL_MS - 10_000;
    };
    expect(await claim('a')).to.equal('call');
    expect(await waits('b')).to.equal(true);
    expect(await claim('a')).to.equal('call');
    expect(await claim('b', { detailsMaxAge: 0 })).to.equal('call');
    expect(await answers.release(request(), ITEM, 'b')).to.deep.equal([]);
    expect(await waits('b')).to.equal(true);

    expect(await answers.release(request(), ITEM, 'a')).to.deep.equal([{ of: 'b' }]);
    expect(await claim('b')).to.equal('call');
    const answer = answered(0);
    expect(await answers.put(request(), ITEM, 'b', answer)).to.deep.equal([{ of: 'a' }]);
    expect((await keys()).map((key) => key.split(':')[1])).to.deep.equal(['item']);
    expect(await claim('c')).to.deep.equal({ answer: { ...answer, calls: 0 } });
  });

  it('is expected of the job that comes first in the queue; one of a higher class does not wait for it', async () => {
    const { answers } = start();
    const expects = (jobId: string, priority: number, change = {}) =>
      answers.expect(request(change), ITEM, job(jobId), priority);
    const isExpected = (jobId: string) => answers.isExpected(request(), ITEM, jobId);
    expect(await expects('a', 3)).to.equal(false);
    expect(await expects('b', 3)).to.equal(true);
    expect(await expects('c', 3, { detailsMaxAge: 0 })).to.equal(false);
    expect(await expects('d', 2)).to.equal(false);
    expect(await expects('e', 3)).to.equal(true);
    expect(await isExpected('e')).to.equal(true);
    // Its turn in the queue comes before that of the job that was first.
    expect(await answers.claim(request(), ITEM, job('b'))).to.equal('call');
    expect(await expects('f', 1)).to.equal(true);
    const waiting = await answers.put(request(), ITEM, 'b', answered(0));
    expect(waiting).to.have.deep.members(['a', 'd', 'e', 'f'].map((of) => ({ of })));
    expect(await isExpected('e')).to.equal(false);
  });

  it('leaves the turn of another job alone whose call is under way', async () => {
    const { answers } = start();
    expect(await answers.claim(request(), ITEM, job('a'))).to.equal('call');
    await answers.put(request({ detailsMaxAge: 0 }), ITEM, 'b', answered(5000));
    expect(await answers.claim(request({ detailsMaxAge: 1 }), ITEM, job('c'))).to.have.property('waitMs');
  });

  it('is called for by the next one where the job that was to call never came back', async () => {
    const { redis, answers } = start();
    await answers.claim(request(), ITEM, job('dead'));
    const [key = ''] = await keys();
    await redis.hset(key, 'until', Date.now() - 1);
    expect(await answers.claim(request(), ITEM, job('b'))).to.equal('call');
    expect(await redis.pttl(key)).to.be.within(CALL_MS, HOUR_MS);
  });

  it('is asked for all the same where something else has the place of who asks for it', async () => {
    const { redis, answers } = start();
    for (const write of [
      (key: string) => redis.set(key, 'x'),
      (key: string) => redis.hset(key, 'w:x', '{'),
    ]) {
      await answers.expect(request(), ITEM, job('a'), 2);
      const key = (await keys()).find((each) => each.includes('claim')) as string;
      await redis.del(key);
      await write(key);
      expect(await answers.claim(request(), ITEM, job('a'))).to.equal('call');
      expect(await answers.release(request(), ITEM, 'a')).to.deep.equal([]);
    }
  });
});
