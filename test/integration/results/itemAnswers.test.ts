import { expect } from 'chai';
import type { ItemAnswer } from '../../../src/collector/answers.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import { ItemAnswers } from '../../../src/results/itemAnswers.ts';
import { pack } from '../../../src/results/packing.ts';
import { useRedis } from '../../support/redis.ts';

const HOUR_MS = 3_600_000;
const ITEM = { itemId: 'v1|110000000001|0', marketplace: 'EBAY_US' } as const;

describe('an answer for an item that searches share', () => {
  const server = useRedis();
  const start = (resultTtlMs = 6 * HOUR_MS) => {
    const redis = server.connect();
    return { redis, answers: new ItemAnswers({ redis, prefix: '{ebay}', resultTtlMs, campaignId: '53' }) };
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
      expect(await answers.claim(request(), ITEM, 'job')).to.equal('call');
      await answers.put(request(), ITEM, 'job', answered(-5000));
      expect((await answers.read(request(), [ITEM])).size).to.equal(1);
    }
  });

  it('is called for by one job: others wait for its answer, and the next one calls after a failure', async () => {
    const { answers } = start();
    const claim = (owner: string, change = {}) => answers.claim(request(change), ITEM, owner);
    expect(await claim('a')).to.equal('call');
    expect(await claim('b')).to.equal('wait');
    expect(await claim('a')).to.equal('call');
    expect(await claim('b', { detailsMaxAge: 0 })).to.equal('call');
    await answers.release(request(), ITEM, 'b');
    expect(await claim('b')).to.equal('wait');

    await answers.release(request(), ITEM, 'a');
    expect(await claim('b')).to.equal('call');
    const answer = answered(0);
    await answers.put(request(), ITEM, 'b', answer);
    expect(await claim('c')).to.deep.equal({ answer: { ...answer, calls: 0 } });
    expect((await keys()).map((key) => key.split(':')[1])).to.deep.equal(['item']);
  });

  it('is called for by the next one where the job that was to call never came back', async () => {
    const { redis, answers } = start();
    await answers.claim(request(), ITEM, 'dead');
    const [key = ''] = await keys();
    expect(await redis.pttl(key)).to.be.within(1, 60_000);
    await redis.del(key);
    expect(await answers.claim(request(), ITEM, 'b')).to.equal('call');
  });
});
