import { expect } from 'chai';
import fc from 'fast-check';
import type { ItemAnswer } from '../../../src/collector/answers.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import type { SearchSummary } from '../../../src/product/summary.ts';
import { itemsAfter } from '../../../src/queue/search/plan.ts';
import { itemField, itemFields, SearchStore } from '../../../src/results/searchStore.ts';
import { useRedis } from '../../support/redis.ts';

const DAY_MS = 24 * 3600 * 1000;
const request = { query: 'phone case', priority: 'backfill' } as NormalRequest;
const answer = { latencyMs: 1 } as ItemAnswer;

describe('the store of a search', () => {
  const server = useRedis();
  let searches = 0;

  async function begun(wanted: string[]) {
    const redis = server.connect();
    const ttls = { resultTtlMs: DAY_MS, runTtlMs: 2 * DAY_MS };
    const store = new SearchStore({ redis, prefix: '{ebay}', ...ttls });
    searches += 1;
    const ref = { tenant: 'default', searchId: `s_${searches}`, timestamp: 1 };
    const { number } = await store.begin(ref, 0, request);
    const jobKey = (itemId: string) => `{ebay}:ebay-calls:${ref.searchId}-${itemId}`;
    const items = wanted.map((itemId) => ({ itemId, marketplace: 'EBAY_US' as const }));
    /** What a call does that has ended: adds what may follow it. Returns the ids of what it added. */
    const step = async (
      itemId: string,
      concurrency: number,
      { dies = false, again = false, ...change }: { run?: number; dies?: boolean; again?: boolean } = {},
    ) => {
      const after = itemsAfter(items, itemId).map((item) => item.itemId);
      const followers = after.map((id) => ({ field: itemField(id), jobKey: jobKey(id) }));
      // A call that runs again finds its answer stored, and brings none.
      const fields = again ? {} : itemFields(itemId, answer);
      const { open, ended } = await store.step(ref, {
        ...{ run: number, chain: 'details', answer: fields, followers, concurrency },
        ...change,
      });
      const added = open.filter(({ job }) => job === undefined).map(({ index }) => after[index] as string);
      if (!dies) for (const id of added) await redis.hset(jobKey(id), 'data', '{}');
      return { added, ended };
    };
    const add = (itemId: string) => redis.hset(jobKey(itemId), 'data', '{}');
    return { redis, store, ref, items, step, add };
  }

  it('lets so many calls follow each one as may be under way, and adds every call once in whatever order they end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        async (count, concurrency, order) => {
          const ids = Array.from({ length: count }, (_, n) => `v1|${n}|0`);
          const { step, add } = await begun(ids);
          const underWay = ids.slice(0, concurrency);
          for (const id of underWay) await add(id);
          const called: string[] = [];
          for (let n = 0; underWay.length > 0; n++) {
            const [id] = underWay.splice((order[n] ?? 0) % underWay.length, 1) as [string];
            called.push(id);
            underWay.push(...(await step(id, concurrency)).added);
          }
          expect(called).to.have.members(ids);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('keeps what is to be asked for as long as the run may wait, and ends with the first answer', async () => {
    const { redis, store, ref, items, step } = await begun(['a', 'b']);
    await store.wantItems(ref, items);
    const key = `{ebay}:pages:default:${ref.searchId}:1`;
    expect(await redis.pttl(key)).to.be.greaterThan(DAY_MS);
    await step('a', 1);
    expect(await redis.pttl(key)).to.be.within(1, DAY_MS);
    expect(await store.wantedItems(ref)).to.deep.equal(items);
  });

  it('passes over calls that are answered, and goes on behind them', async () => {
    const { step } = await begun(['a', 'b', 'c', 'd', 'e']);
    await step('b', 0);
    await step('c', 0);
    expect((await step('a', 2)).added).to.deep.equal(['d', 'e']);
  });

  it('lets go again what a call let go that died before adding it, when that call runs again', async () => {
    const { step } = await begun(['a', 'b', 'c', 'd', 'e']);
    await step('a', 2, { dies: true });
    expect((await step('b', 2)).added).to.deep.equal(['d']);
    expect((await step('a', 2, { again: true })).added).to.deep.equal(['c']);
  });

  it('leaves what follows to the worker that stored the answer, also after the end', async () => {
    const { store, ref, step } = await begun(['a', 'b']);
    await step('a', 1, { dies: true });
    expect(await step('a', 1)).to.deep.equal({ added: [], ended: false });
    await store.mark(ref, 'ended');
    expect(await step('a', 1)).to.deep.equal({ added: [], ended: false });
    expect(await step('a', 1, { again: true })).to.deep.equal({ added: [], ended: true });
  });

  it('keeps what looking ahead needs to know of each page, in the order in which they came', async () => {
    const { store, ref } = await begun([]);
    const page = async (offset: number, next: number | null) => {
      const facts = { offset, next, fitting: 7, print: 'ab12' };
      const fields = { [String(offset)]: Buffer.from('x'), [`h:${offset}`]: Buffer.from('x') };
      for (let time = 0; time < 2; time += 1)
        await store.step(ref, {
          run: 1,
          chain: 'EBAY_US',
          answer: fields,
          facts,
          followers: [],
          concurrency: 1,
        });
      return facts;
    };
    const [second, first] = [await page(200, null), await page(0, 200)];
    expect(await store.look(ref, '0', 'EBAY_US')).to.deep.include({ isStored: true, facts: [second, first] });
    expect(await store.look(ref, '400', 'EBAY_GB')).to.deep.include({ isStored: false, facts: [] });
  });

  it('lets nothing follow a call of an older run, of a cancelled search or of a chain that has ended', async () => {
    const older = await begun(['a', 'b']);
    expect(await older.step('a', 1, { run: 7 })).to.deep.equal({ added: [], ended: false });
    for (const mark of ['cancelled', 'broken:details'] as const) {
      const { store, ref, step } = await begun(['a', 'b']);
      await store.mark(ref, mark);
      expect(await step('a', 1)).to.deep.equal({ added: [], ended: false });
    }
  });

  it('says that the run was summed up, unless it was cancelled or is forgotten', async () => {
    const { store, ref, step, redis } = await begun(['a', 'b']);
    await store.mark(ref, 'ended');
    expect(await step('a', 1)).to.deep.equal({ added: [], ended: true });
    await redis.del(`{ebay}:run:default:${ref.searchId}:1`);
    expect(await step('a', 1)).to.deep.equal({ added: [], ended: false });
    expect(await store.readRun(ref)).to.equal(undefined);
  });

  it('keeps who has cancelled a search that starts over without having ended, and forgets it once the search is retried', async () => {
    const { store, ref } = await begun([]);
    for (const mark of ['cancelled', 'withdrawn'] as const) {
      await store.mark(ref, mark);
      const { number } = await store.restart(ref, 0, request);
      expect(await store.readRun(ref)).to.deep.include({ number, [mark]: true, ended: false });
    }
    // What its requester has got stays: the first end, and over a start without an end.
    const end = { summary: { calls: 1 } as SearchSummary, pages: [1], items: [] };
    expect(await store.endWithdrawn(ref, end)).to.deep.equal(end);
    await store.restart(ref, 0, request);
    expect(await store.endWithdrawn(ref, { ...end, pages: [1, 2] })).to.deep.equal(end);
    expect((await store.readRun(ref))?.withdrawnEnd).to.deep.equal(end);
    const retried = await store.begin(ref, 1, request);
    expect(retried.withdrawnEnd).to.equal(undefined);
    expect(retried).to.deep.include({ isNew: true, number: 5, cancelled: false, withdrawn: false });
  });

  it('makes what another search has collected its own once, with its end, and leaves it alone afterwards', async () => {
    const other = await begun(['a', 'b']);
    await other.step('a', 1);
    const { redis, store, ref, step } = await begun(['a', 'b']);
    const { searchId, timestamp } = other.ref;
    await store.takeFrom(ref, other.ref);
    // It starts again, and the worker dies before the answers are its own.
    expect(await store.begin(ref, 1, request)).to.deep.include({
      isNew: true,
      source: { searchId, timestamp },
    });
    expect((await store.begin(ref, 1, request)).source).to.deep.equal({ searchId, timestamp });
    await redis.pexpire(`{ebay}:pages:default:${searchId}:1`, 5000);
    await store.keep(ref, other.ref);
    expect([...(await store.readDetails(ref))]).to.deep.equal([['a', { ...answer, calls: 0 }]]);
    expect(await redis.pttl(`{ebay}:pages:default:${ref.searchId}:1`)).to.be.within(1, 5000);
    expect((await store.readRun(ref))?.source).to.equal(undefined);
    // A worker that was thought dead comes late.
    await step('b', 1);
    await store.keep(ref, other.ref);
    expect([...(await store.storedItems(ref))]).to.have.members(['a', 'b']);
  });

  it('keeps what it has itself where the result of another search has expired', async () => {
    const other = await begun(['a']);
    const { store, ref, step } = await begun(['b']);
    await step('b', 1);
    await store.takeFrom(ref, other.ref);
    await store.keep(ref, other.ref);
    expect([...(await store.storedItems(ref))]).to.deep.equal(['b']);
    expect((await store.readRun(ref))?.source).to.equal(undefined);
  });

  it('holds the class of a search once: it begins with that of the request and rises with `raiseClass`', async () => {
    const { store, ref } = await begun([]);
    expect((await store.readRun(ref))?.request?.priority).to.equal('backfill');
    await store.raiseClass(ref, 'interactive');
    expect((await store.begin(ref, 0, request)).request.priority).to.equal('interactive');
    expect((await store.look(ref, '1')).run?.request).to.deep.equal({ ...request, priority: 'interactive' });
  });
});
