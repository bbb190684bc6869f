import { expect } from 'chai';
import {
  compareWithTrack,
  type Remembered,
  type Track,
  type TrackVerdict,
} from '../../../src/product/track.ts';
import { LONG } from '../../support/long.ts';
import { eventsOf, type History, historyOf } from '../../support/trackHistory.ts';

const TTL_MS = 30 * 24 * 3_600_000;
const START = Date.UTC(2026, 0, 1);
/** `TRACK_HISTORIES=200000` runs more of them. */
const HISTORIES = Number(process.env.TRACK_HISTORIES ?? (LONG ? 1500 : 150));

/** Compares every search of a history with one track that is kept as Redis keeps it; events, in words. */
function compared({ steps }: History): string[] {
  let track: Omit<Track, 'rememberedFrom'> = { since: null, lastWhole: null, listings: new Map() };
  let usedAt = Number.NEGATIVE_INFINITY;
  const verdicts = new Map<number, TrackVerdict>();
  for (const { search, observation, now } of steps) {
    if (now - usedAt > TTL_MS) track = { since: null, lastWhole: null, listings: new Map() };
    usedAt = now;
    const rememberedFrom = now - TTL_MS;
    const listings = new Map<string, Remembered>(
      [...track.listings].filter(([, { lastSeen }]) => lastSeen >= rememberedFrom),
    );
    const known = { ...track, rememberedFrom, listings };
    const before = verdicts.get(search);
    const { verdict, after } = compareWithTrack(known, { ...observation, before });
    for (const [itemId, mark] of before?.marks ?? [])
      if (verdict.marks.get(itemId) !== mark) throw new Error(`a mark of ${itemId} changed`);
    verdicts.set(search, verdict);
    track = { ...after, listings: new Map([...listings, ...after.listings]) };
  }
  return eventsOf(verdicts.values());
}

describe('the searches of a track over what eBay shows', function () {
  this.timeout(60_000 + HISTORIES * 20);

  it('have no event while no seller changes anything', () => {
    let searches = 0;
    for (let seed = 0; seed < HISTORIES; seed++) {
      const history = historyOf(seed, { changes: false, start: START, ttlMs: TTL_MS });
      searches += history.steps.length;
      const events = compared(history);
      if (events.length > 0) expect.fail(`seed ${seed}: ${events.join(', ')}`);
    }
    expect(searches).to.be.greaterThan(HISTORIES * 5);
  });

  it('have each change of a seller as one event, and nothing else', () => {
    let changes = 0;
    for (let seed = 0; seed < HISTORIES; seed++) {
      const history = historyOf(seed, { changes: true, start: START, ttlMs: TTL_MS });
      changes += history.plants.length;
      const expected = history.plants.map(({ event }) => event).sort();
      const events = compared(history).sort();
      if (events.join() !== expected.join())
        expect.fail(`seed ${seed}: ${events.join(', ')} in place of ${expected.join(', ')}`);
    }
    expect(changes).to.be.greaterThan(HISTORIES);
  });
});
