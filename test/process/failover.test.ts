import { expect } from 'chai';
import { TestSentinels } from '../support/redisSentinels.ts';
import { type Pair, serviceEnv, startPair } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

describe('a fail-over of Redis by its Sentinels', function () {
  this.timeout(180_000);
  const simulator = useSimulator({ latencyMs: 20 });
  let sentinels: TestSentinels;
  let service: Pair;
  before(async () => {
    sentinels = await TestSentinels.start(2000);
    const env = serviceEnv(sentinels.url, simulator().url, { MIN_API_CALL_INTERVAL: '0.05' });
    service = await startPair(env);
  });
  after(async () => {
    await service?.stop();
    await sentinels?.stop();
  });

  it('loses no search that was acknowledged, doubles no product, and goes on by itself', async () => {
    const { producer } = service;
    const acknowledged: string[] = [];
    let refused = 0;
    let refusal = 'none';
    const enqueue = async () => {
      const max = String(1_000_000 + acknowledged.length + refused);
      const filters = { price: { max, currency: 'USD' } };
      await producer.enqueue({ query: 'phone case', maxItems: 250, filters }).then(
        ({ searchId }) => acknowledged.push(searchId),
        (error: Error) => {
          refused++;
          refusal = error.message;
        },
      );
    };
    while (acknowledged.length < 20) await enqueue();
    await sentinels.killMaster();
    await enqueue();
    expect(refused).to.equal(1);
    const before = acknowledged.length;
    const goesOn = async () => {
      await enqueue();
      return acknowledged.length >= before + 5;
    };
    const state = () => `searches after it (refused ${refused}, the last for: ${refusal})`;
    await waitFor(state, goesOn, 100_000);
    await sentinels.heal();
    for (const searchId of acknowledged) {
      const { summary } = await producer.waitFor(searchId, { timeoutMs: 60_000 });
      expect(summary?.outcome).to.equal('complete');
      const ids = (await producer.products(searchId)).map(({ itemId }) => itemId);
      expect(new Set(ids)).to.have.property('size', 250);
      expect(ids).to.have.length(250);
    }
  });
});
