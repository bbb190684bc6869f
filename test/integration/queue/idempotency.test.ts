import { expect } from 'chai';
import type { Failure } from '../../../src/failures.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { useService } from '../../support/service.ts';

const hub: SearchRequest = { query: 'usb hub' };
const hose: SearchRequest = { query: 'garden hose', maxItems: 5 };

describe('an idempotency key of the library', () => {
  const service = useService();
  beforeEach(() => service.searches.pause());
  const add = (requests: SearchRequest[], idempotencyKey: string) =>
    service.producer.enqueueMany(requests, { idempotencyKey }).then(
      (added) => added.map(({ searchId }) => searchId),
      ({ code }: Failure) => code,
    );
  const waiting = () => service.searches.getJobCountByTypes('prioritized');

  it('makes one search of the same request, however its fields are ordered', async () => {
    const first = await add([hose], 'order-1');
    expect(await add([{ maxItems: 5, query: 'garden hose' }], 'order-1')).to.deep.equal(first);
    const many = await Promise.all(Array.from({ length: 20 }, () => add([hose], 'order-1')));
    expect(new Set(many.flat())).to.deep.equal(new Set(first));
    expect(await waiting()).to.equal(1);
  });

  it('is refused with another request, which names the clash and adds nothing', async () => {
    const { searchId } = await service.producer.enqueue(hub, { idempotencyKey: 'order-1' });
    const failure = await service.producer
      .enqueue(hose, { idempotencyKey: 'order-1' })
      .catch((error) => error);
    expect(failure).to.include({ code: 'idempotency_key_reused', disposition: 'permanent' });
    expect(failure.message).to.include('"order-1" was used for another request');
    expect((await service.producer.request(searchId))?.query).to.equal('usb hub');
    expect(await waiting()).to.equal(1);
  });

  for (const [what, other] of [
    ['reordered', [hose, hub]],
    ['shorter', [hub]],
    ['longer', [hub, hose, { query: 'tent' }]],
    ['changed at one index', [hub, { query: 'tent' }]],
  ] as const)
    it(`stands for a whole list: one that is ${what} is refused and adds nothing`, async () => {
      const first = await add([hub, hose], 'orders');
      expect(await add([...other], 'orders')).to.equal('idempotency_key_reused');
      expect(await add([hub, hose], 'orders')).to.deep.equal(first);
      expect(await waiting()).to.equal(2);
    });

  it('lets one of two requests in that come at the same moment', async () => {
    const answers = await Promise.all([add([hub], 'race'), add([hose], 'race')]);
    expect(answers.filter((answer) => answer === 'idempotency_key_reused')).to.have.length(1);
    expect(await waiting()).to.equal(1);
  });

  it('is not bound by an invalid request', async () => {
    expect(await add([{ query: '' }], 'order-1')).to.equal('invalid_request');
    expect(await add([hub], 'order-1')).to.have.length(1);
  });
});
