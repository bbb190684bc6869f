import { expect } from 'chai';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

const deep = (index: number) => ({
  query: 'phone case',
  maxItems: 10_000,
  title: { exclude: [`deep${index}`] },
});
const small = (index: number) => ({
  query: 'yoga mat',
  maxItems: 20,
  title: { exclude: [`small${index}`] },
});

describe('small searches behind deep ones', () => {
  // A call that takes long, as on a busy machine, would let a search have more pages under way.
  const service = useService(
    { MIN_API_CALL_INTERVAL: '0.2' },
    {},
    {
      adapt: ({ collector, ...context }) => ({
        ...context,
        collector: {
          collectItem: (call) => collector.collectItem(call),
          collectBulk: (call) => collector.collectBulk(call),
          collectPage: async (call) => ({ ...(await collector.collectPage(call)), latencyMs: 0 }),
        },
      }),
    },
  );
  const calls = () => service.simulator.controls.log({ kind: 'search' });

  it('take turns page by page: ten small ones behind five deep ones are done within twenty calls', async function () {
    this.timeout(60_000);
    const deepOnes = await service.producer.enqueueMany(Array.from({ length: 5 }, (_, index) => deep(index)));
    await waitFor('each deep one to have called', () => calls().length >= 5);
    const before = calls().length;
    await service.producer.enqueueMany(Array.from({ length: 10 }, (_, index) => small(index)));
    const last = await waitFor(
      'all small ones',
      () => calls().filter(({ query }) => query.q === 'yoga mat')[9],
      45_000,
    );
    const position = calls().filter(({ seq }) => seq <= last.seq).length;
    expect(position - before).to.be.at.most(20);
    for (const { searchId } of deepOnes) await service.producer.cancel(searchId);
  });
});

describe('searches of several classes', () => {
  // A call that is held up on its way loses its slot, and its turn with it once the next one is granted: that takes longer here
  // than a busy machine holds anything up.
  const service = useService({ MIN_API_CALL_INTERVAL: '0.3' });
  const calls = () => service.simulator.controls.log({ kind: 'search' });

  it('go class by class: interactive before scheduled before backfill, first come, first served within one', async () => {
    const { searchId } = await service.producer.enqueue(deep(0));
    await waitFor('the first call', () => calls().length > 0);
    const wanted = [
      ['backfill', 25],
      ['scheduled', 23],
      ['backfill', 26],
      ['interactive', 21],
      ['scheduled', 24],
      ['interactive', 22],
    ] as const;
    await service.calls.pause();
    for (const [priority, maxItems] of wanted) {
      const added = await service.producer.enqueue({ query: 'yoga mat', maxItems, priority });
      await waitFor('its page', () => service.calls.getJob(`${added.searchId}-r1-p1`));
    }
    await service.producer.cancel(searchId);
    await service.calls.resume();
    const order = await waitFor('their calls', () => {
      // A page asks for twice what is wanted.
      const limits = calls().flatMap(({ query }) => (query.q === 'yoga mat' ? [Number(query.limit)] : []));
      return limits.length === 6 && limits.map((limit) => limit / 2);
    });
    expect(order).to.deep.equal([21, 22, 23, 24, 25, 26]);
  });
});

describe('searches that share the calls', () => {
  const service = useService({ MIN_API_CALL_INTERVAL: '0.06' });
  const calls = () => service.simulator.controls.log({ kind: 'search' });

  it('leave a deep one its turn under a stream of small ones', async function () {
    this.timeout(60_000);
    const { searchId } = await service.producer.enqueue({ ...deep(0), maxItems: 2000 });
    let index = 0;
    let ended = false;
    const stream = (async () => {
      while (!ended) {
        // A little more than all the calls there are would be theirs.
        const wanted = Math.ceil(calls().length * 1.05) + 3;
        if (index < wanted) await service.producer.enqueueMany([small(index++)]);
        else await waitFor('the next call', () => ended || calls().length * 1.05 + 3 > index);
      }
    })();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 45_000 });
    ended = true;
    await stream;
    expect(summary?.outcome).to.equal('complete');
  });
});

describe('a search that is cancelled', () => {
  /** Pages that have begun, by number, and have no answer yet. */
  const underWay = new Set<number>();
  // A call takes several intervals, so several pages of one search are under way.
  const service = useService(
    { MIN_API_CALL_INTERVAL: '0.1' },
    { latencyMs: 250 },
    {
      adapt: (context) => {
        const { store, collector } = context;
        const look = store.look.bind(store);
        // A page begins with this: it reads whether its search is cancelled.
        store.look = (search, field) => {
          underWay.add(Number(field));
          return look(search, field);
        };
        return {
          ...context,
          collector: {
            collectItem: (call) => collector.collectItem(call),
            collectBulk: (call) => collector.collectBulk(call),
            collectPage: (call) =>
              collector.collectPage(call).finally(() => underWay.delete(call.offset / call.limit + 1)),
          },
        };
      },
    },
  );
  const calls = () => service.simulator.controls.log({ kind: 'search' });
  beforeEach(() => underWay.clear());

  it('calls for no page but those that had begun, spends no slot in vain, and keeps what was collected', async () => {
    const { searchId } = await service.producer.enqueue(deep(0));
    await waitFor('some pages, and several under way', () => calls().length >= 5 && underWay.size >= 2);
    await service.producer.cancel(searchId);
    const begun = [...underWay];
    const lastSeq = calls().at(-1)?.seq;
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary?.outcome).to.equal('cancelled');
    const pages = calls().map(({ seq, query }) => ({
      seq,
      page: Number(query.offset ?? 0) / Number(query.limit) + 1,
    }));
    const later = pages.filter(({ seq }) => seq > Number(lastSeq)).map(({ page }) => page);
    expect(begun).to.include.members(later);
    expect(new Set(pages.map(({ page }) => page)).size).to.equal(pages.length);
    // The most pages of one search that may be under way.
    expect(later.length).to.be.at.most(10);
    expect(summary?.pages).to.equal(pages.length);
    expect((await service.producer.products(searchId)).length).to.equal(summary?.counts.products);
    expect(await service.calls.getJobCountByTypes('prioritized', 'delayed', 'active')).to.equal(0);
    expect(await service.producer.cancel(searchId)).to.equal(false);
    const { gate, redis, close } = openEbay(service.config, quietLog());
    await waitFor('Redis', () => redis.ping().catch(() => undefined));
    expect((await gate.read()).mark.granted).to.equal(pages.length);
    close();
  });
});
