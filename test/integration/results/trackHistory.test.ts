import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import type { TrackVerdict } from '../../../src/product/track.ts';
import { pageFields, SearchStore } from '../../../src/results/searchStore.ts';
import { Tracks } from '../../../src/results/tracks.ts';
import { LONG } from '../../support/long.ts';
import { useRedis } from '../../support/redis.ts';
import { eventsOf, historyOf } from '../../support/trackHistory.ts';

/** With changes of sellers and without, by turns. */
const HISTORIES = LONG ? 60 : 20;
const DAY_MS = 24 * 3600 * 1000;
const PREFIX = '{ebay}';

describe('the searches of a track over what eBay shows, remembered in Redis', function () {
  this.timeout(60_000);
  const server = useRedis();

  it('have each change of a seller as one event and nothing else, also when two workers compare each at once', async () => {
    const redis = server.connect();
    const tracks = new Tracks({ redis, prefix: PREFIX, ttlMs: 4000 * DAY_MS });
    const store = new SearchStore({ redis, prefix: PREFIX, resultTtlMs: DAY_MS, runTtlMs: DAY_MS });
    const page = { marketplace: 'EBAY_US', products: [] } as unknown as PageAnswer;
    let changes = 0;
    for (let seed = 0; seed < HISTORIES; seed++) {
      const options = { changes: seed % 2 === 0, start: Date.now() - 1000 * DAY_MS, ttlMs: 30 * DAY_MS };
      const { steps, plants } = historyOf(seed, options);
      const track = { tenant: 'default', name: `history-${seed}`, request: 'the same' };
      const verdicts = new Map<number, TrackVerdict>();
      for (const { search, observation } of steps) {
        const ref = { tenant: 'default', searchId: `s-${seed}-${search}`, timestamp: 1 };
        await store.step(ref, {
          run: 1,
          chain: 'EBAY_US',
          answer: pageFields(1, page, { ...page, products: [] }),
          followers: [],
          concurrency: 1,
        });
        const compare = () => tracks.compare(ref, track, { ...observation, ignored: '' });
        const [one, other] = await Promise.all([compare(), compare()]);
        expect(one, `seed ${seed}`).to.deep.equal(other);
        verdicts.set(search, one as TrackVerdict);
      }
      const expected = plants.map(({ event }) => event).sort();
      expect(eventsOf(verdicts.values()).sort(), `seed ${seed}`).to.deep.equal(expected);
      changes += plants.length;
    }
    expect(changes).to.be.greaterThan(LONG ? 60 : 15);
  });
});
