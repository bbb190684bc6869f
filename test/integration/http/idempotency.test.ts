import { expect } from 'chai';
import { openProducer } from '../../../src/app/producer.ts';
import { testConfig } from '../../support/config.ts';
import { useHttpService } from '../../support/httpService.ts';

describe('an Idempotency-Key', () => {
  const service = useHttpService();
  const post = (body: unknown, key: string) =>
    service.call('POST', '/v1/searches', body, { 'idempotency-key': key });
  const waiting = () => service.redis.zcard('{ebay}:ebay-search:prioritized');

  it('makes one search of a hundred requests at once; those that meet it under way get 409', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => post({ query: 'mug' }, 'k1')));
    expect(await waiting()).to.equal(1);
    const accepted = answers.filter(({ status }) => status === 202);
    const later = answers.filter(({ status }) => status !== 202);
    expect(accepted).to.not.deep.equal([]);
    // A machine that is very busy may not serve all of them in time; it then says so.
    for (const { status, headers, text } of later) {
      expect(status, text).to.be.oneOf([409, 503]);
      expect(Number(headers.get('retry-after'))).to.be.greaterThan(0);
    }
    expect(new Set(accepted.map(({ json }) => json.searchId)).size).to.equal(1);
    const again = await post({ query: 'mug' }, 'k1');
    expect(again.json).to.deep.equal(accepted[0]?.json);
    expect(again.headers.get('idempotency-replayed')).to.equal('true');
  });

  it('stands for one body only', async () => {
    await post([{ query: 'mug' }, { query: 'cup' }], 'k2');
    const other = await post([{ query: 'mug' }], 'k2');
    expect(other.status).to.equal(422);
    expect(other.json.errors[0].code).to.equal('idempotency_key_reused');
    expect(await waiting()).to.equal(2);
  });

  it('finds what a process that died has put in before it could answer', async () => {
    const first = await post({ query: 'mug' }, 'k3');
    // What its death leaves: the search, and a record without an answer whose time is up.
    const [record = ''] = await service.redis.keys('{ebay}:idempotency:*');
    await service.redis.multi().hdel(record, 'answer').hset(record, 'until', 0).exec();
    const again = await post({ query: 'mug' }, 'k3');
    expect(again.status).to.equal(202);
    expect(again.json).to.deep.equal(first.json);
    expect(await waiting()).to.equal(1);
    await service.redis.multi().hdel(record, 'answer').hset(record, 'until', 0).exec();
    expect((await post({ query: 'other' }, 'k3')).status).to.equal(422);
  });

  it('may come from the library too: the same request finds its search, another one is refused', async () => {
    const { host, port } = service.redis.options;
    const producer = openProducer(testConfig({ REDIS_URL: `redis://${host}:${port}` }));
    await producer.ready();
    const { searchId } = await producer.enqueue({ query: 'mug' }, { idempotencyKey: 'k6' });
    await producer.enqueue({ query: 'mug' }, { idempotencyKey: 'k7' });
    await producer.close();
    expect((await post({ query: 'mug' }, 'k6')).json.searchId).to.equal(searchId);
    const other = await post({ query: 'cup' }, 'k7');
    expect(other.status).to.equal(422);
    expect(other.json.errors[0].code).to.equal('idempotency_key_reused');
    expect(await waiting()).to.equal(2);
  });

  it('belongs to a tenant', async () => {
    const authorization = `Bearer ${await service.key(['enqueue'], 'acme')}`;
    const mine = await post({ query: 'mug' }, 'k4');
    const theirs = await service.call(
      'POST',
      '/v1/searches',
      { query: 'cup' },
      { authorization, 'idempotency-key': 'k4' },
    );
    expect(theirs.status).to.equal(202);
    expect(theirs.json.searchId).to.not.equal(mine.json.searchId);
  });

  it('may be used again after a refusal, with the same body', async () => {
    const refused = await post({ query: '' }, 'k5');
    expect(refused.status).to.equal(400);
    expect((await post({ query: '' }, 'k5')).status).to.equal(400);
  });

  for (const [title, key] of [
    ['longer than 255 characters', 'k'.repeat(256)],
    ['with a space', 'a b'],
    ['that is empty', ''],
  ] as const)
    it(`is refused: one ${title}`, async () => {
      const answer = await post({ query: 'mug' }, key);
      expect(answer.status).to.equal(400);
      expect(answer.json.errors[0].code).to.equal('invalid_idempotency_key');
    });
});
