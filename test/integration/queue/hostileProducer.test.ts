import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { HostileProducer, SHAPES } from '../../support/hostile.ts';
import { connectTo } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Of the victim: 410 listings, three pages. Each test has its own, since a finished search answers an identical one. */
const requestOf = (test: number) => ({
  query: 'phone case',
  maxItems: 410,
  filters: { price: { max: 100_000 + test, currency: 'USD' } },
});

describe('a program with plain BullMQ that means harm', () => {
  const lines: string[] = [];
  const noted = (log: Logger): Logger => {
    const note = (level: 'error' | 'warn' | 'info' | 'debug') => (message: string, fields?: object) => {
      lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
      return log[level](message, fields as never);
    };
    return { ...log, error: note('error'), warn: note('warn'), info: note('info'), debug: note('debug') };
  };
  const service = useService(
    {
      SWEEP_INTERVAL: '0.2',
      WORKER_STALLED_INTERVAL: '1',
      WORKER_BLOCKING_READ: '0.2',
    },
    {},
    { adapt: (context) => ({ ...context, log: noted(context.log) }), isKept: true },
  );
  let redis: Redis;
  let hostile: HostileProducer;
  let expected: string[];
  before(async () => {
    redis = connectTo(service.config.redis.url);
    hostile = new HostileProducer(redis, connectTo(service.config.redis.url, { maxRetriesPerRequest: null }));
    const { searchId } = await service.search(requestOf(-1));
    expected = await itemIds(searchId);
    expect(expected).to.have.length(410);
  });
  after(async () => {
    await hostile.close();
    redis.disconnect();
  });
  beforeEach(() => {
    lines.length = 0;
  });

  const calledFor = (wanted: (query: string) => boolean) =>
    service.simulator.controls
      .log({ kind: 'search' })
      .filter(({ query }) => wanted(String(query.q)))
      .map(({ query }) => Number(query.offset ?? 0));

  const itemIds = async (searchId: string) =>
    (await service.producer.products(searchId)).map(({ itemId }) => itemId);

  for (const [test, [what, { calls = 0, logs, attack }]] of Object.entries(SHAPES).entries())
    it(`changes nothing for others with ${what}`, async () => {
      await service.calls.pause();
      const request = requestOf(test);
      const { searchId } = await service.producer.enqueue(request);
      const { data } = await waitFor('its first page', () => service.calls.getJob(`${searchId}-r1-p1`));
      // BullMQ refuses some itself.
      await attack(hostile, { searchId, timestamp: data.search.timestamp, nextPage: 2 }).catch(
        () => undefined,
      );
      await waitFor('the calls to go on', () =>
        service.calls.resume().then(
          () => true,
          () => false,
        ),
      );
      const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
      expect(summary).to.deep.include({ outcome: 'complete', pages: 3, calls: 3, missing: [] });
      // Of the same search with nobody beside it. What the attack left is there at the next one.
      expect(await itemIds(searchId)).to.deep.equal(expected);
      const offsets = calledFor((query) => query === 'phone case');
      expect(offsets.toSorted((one, other) => one - other)).to.deep.equal([0, 200, 400]);
      if (logs !== undefined)
        await waitFor(`a line like ${logs}`, () => lines.some((line) => logs.test(line)));
      await waitFor('its own calls', () => calledFor((query) => query !== 'phone case').length >= calls);
      // One that is refused may be under way.
      await waitFor('an empty queue', async () => {
        const states = await service.calls.getJobCounts('wait', 'prioritized', 'active', 'waiting-children');
        return Object.values(states).every((count) => count === 0);
      });
      expect(calledFor((query) => query !== 'phone case')).to.have.length(calls);
    });

  it('changes nothing for others with all of that together, afterwards', async () => {
    const { searchId, summary } = await service.search(requestOf(Object.keys(SHAPES).length));
    expect(summary).to.deep.include({ outcome: 'complete', pages: 3, calls: 3, missing: [] });
    expect(await itemIds(searchId)).to.deep.equal(expected);
  });
});
