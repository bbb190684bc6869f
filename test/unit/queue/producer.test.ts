import { expect } from 'chai';
import type { Failure } from '../../../src/failures.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { repeatStrategy } from '../../../src/queue/bullmq/repeat.ts';
import { type ProducerOptions, SearchProducer } from '../../../src/queue/producer.ts';

/** Anything that is asked of Redis is a mistake. */
const REDIS = new Proxy({}, { get: () => () => expect.fail('Redis was asked') });

describe('A producer without an answer of Redis', () => {
  const searches = { opts: { settings: { repeatStrategy } } };
  const options = { redis: REDIS, searches, calls: REDIS, tenant: 'default', marketplace: 'EBAY_US' };
  const producer = new SearchProducer({ ...options, channels: {} } as unknown as ProducerOptions);
  const own: SearchRequest = { query: 'usb c hub' };
  const other: SearchRequest = { ...own, tenant: 'other' };
  const refused = async (work: Promise<unknown>) => {
    const { code, detail } = (await work.then(
      () => expect.fail('it was accepted'),
      (error) => error,
    )) as Failure;
    return [code, ...(detail.errors ?? []).map((each) => `${each.path} ${each.code}`)];
  };

  it('refuses a search of another tenant at once', async () => {
    const wrong = ['invalid_request', 'tenant invalid_tenant'];
    expect(await refused(producer.enqueue(other))).to.deep.equal(wrong);
    expect(await refused(producer.enqueue({ ...other, facets: true }))).to.deep.equal(wrong);
    expect(await refused(producer.estimate(other))).to.deep.equal(wrong);
    expect(await refused(producer.enqueueMany([own, other]))).to.deep.equal([
      'invalid_request',
      '1.tenant invalid_tenant',
    ]);
  });
});
