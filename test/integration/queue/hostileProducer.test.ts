import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { Logger } from '../../../src/telemetry/logger.ts';
import { HostileProducer, SHAPES } from '../../support/hostile.ts';
import { connectTo } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Of the victim: 410 listings, three pages. */
const REQUEST = { query: 'phone case', maxItems: 410 };

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
    { adapt: (context) => ({ ...context, log: noted(context.log) }) },
  );
  let redis: Redis;
  let hostile: HostileProducer;
  beforeEach(() => {
    lines.length = 0;
    redis = connectTo(service.config.redis.url);
    hostile = new HostileProducer(redis, connectTo(service.config.redis.url, { maxRetriesPerRequest: null }));
  });
  afterEach(async () => {
    await hostile.close();
    redis.disconnect();
  });

  const calledFor = (wanted: (query: string) => boolean) =>
    service.simulator.controls
      .log({ kind: 'search' })
      .filter(({ query }) => wanted(String(query.q)))
      .map(({ query }) => Number(query.offset ?? 0));

  const itemIds = async (searchId: string) =>
    (await service.producer.products(searchId)).map(({ itemId }) => itemId);

  for (const [what, { calls = 0, logs, attack }] of Object.entries(SHAPES))
    it(`changes nothing for others with ${what}`, async () => {
      await service.calls.pause();
      const { searchId } = await service.producer.enqueue(REQUEST);
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
      // The same search with nobody beside it.
      const next = await service.search({ ...REQUEST, maxAge: 0 });
      expect(next.summary).to.deep.include({ outcome: 'complete', pages: 3, calls: 3 });
      const [found, expected] = await Promise.all([searchId, next.searchId].map(itemIds));
      expect(found).to.have.length(410).and.to.deep.equal(expected);
      const offsets = calledFor((query) => query === 'phone case');
      expect(offsets.toSorted((one, other) => one - other)).to.deep.equal([0, 0, 200, 200, 400, 400]);
      if (logs !== undefined)
        await waitFor(`a line like ${logs}`, () => lines.some((line) => logs.test(line)));
      await waitFor('its own calls', () => calledFor((query) => query !== 'phone case').length >= calls);
      const states = await service.calls.getJobCounts('wait', 'prioritized', 'active', 'waiting-children');
      expect(Object.values(states), JSON.stringify(states)).to.deep.equal([0, 0, 0, 0]);
      expect(calledFor((query) => query !== 'phone case')).to.have.length(calls);
    });
});
