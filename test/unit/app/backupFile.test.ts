import { expect } from 'chai';
import { type BackupRecord, namedProblem, RecordReader } from '../../../src/app/backupFile.ts';
import { MOST_DAILY_CALLS, ROLES } from '../../../src/http/auth/apiKeys.ts';
import { MAX_NOTE_LENGTH, MAX_SAVED } from '../../../src/http/page/personal.ts';
import { MAX_IMAGE_LENGTH } from '../../../src/product/requestSchema.ts';
import { compareOffer, type Remembered } from '../../../src/product/track.ts';
import { MAX_COLUMN_NAME, MAX_COLUMN_VALUE, MAX_COLUMNS } from '../../../src/product/watchlistSchema.ts';
import { readImport } from '../../../src/queue/watch/watchlists/import.ts';
import { productOf } from '../collector/listing.ts';

const NAME = 'n'.repeat(60);
const TENANT = 't'.repeat(40);
const NOW = Date.UTC(2026, 2, 1);
const ITEM_ID = `v1|${'9'.repeat(46)}|${'9'.repeat(50)}`;
const INSTANT = new Date(NOW).toISOString();
const texts = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => String(n).padStart(length, 'ä'));

/** What a track stores of a listing with so many variations, all of which a search has delivered. */
function seenOf(variations: number): unknown {
  let seen: Remembered | undefined;
  for (let n = 0; n < variations; n += 1) {
    const itemId = `v1|110000000001|${500_000_000_000 + n}`;
    const price = { value: '123456789012345.67', currency: 'USD' };
    seen = compareOffer(seen, { ...productOf(), itemId, price, total: price }, variations).after;
  }
  const { lastSeen = 0, itemId, offers = [] } = seen ?? {};
  const prices = offers.map((offer) => [
    ...[offer.variation, offer.source, offer.price, offer.shipping],
    offer.seen,
  ]);
  return [lastSeen, itemId, 1, 'USD', 0, ...prices];
}

const columns = Object.fromEntries(
  texts(MAX_COLUMNS, MAX_COLUMN_NAME).map((name) => [name, 'ä'.repeat(MAX_COLUMN_VALUE)]),
);
const kept = { favourite: true, hidden: true, site: 'EBAY_US', since: INSTANT, at: INSTANT };
const RECORDS: Record<string, object> = {
  'an API key': {
    ...{ kind: 'key', id: 'k'.repeat(10), name: NAME, tenant: TENANT, roles: [...ROLES], createdAt: INSTANT },
    ...{ expiresAt: INSTANT, dailyCalls: MOST_DAILY_CALLS, hash: 'f'.repeat(64), lastUsedAt: INSTANT },
  },
  'a schedule': {
    ...{ kind: 'schedule', tenant: TENANT, source: 'code', paused: true, anchor: NOW },
    runs: {
      ...{ count: 1_000_000, countedAt: NOW },
      last: texts(10, 1).map((n) => ({ searchId: `repeat:${NAME}:${n}`, at: NOW, outcome: 'complete' })),
    },
    definition: {
      ...{ name: NAME, every: 31_536_000, limit: 1_000_000 },
      request: { image: `/9j/${'A'.repeat(MAX_IMAGE_LENGTH - 4)}`, track: 't'.repeat(40) },
    },
  },
  'a track': {
    ...{ kind: 'track', tenant: TENANT, name: 't'.repeat(40), expiresAt: INSTANT },
    state: {
      ...{ version: 1e6, request: 'f'.repeat(32), ignored: texts(100, 5).join(), began: NOW, since: NOW },
      ...{ lastWhole: NOW, oldest: NOW, newest: { EBAY_US: { items: 10_000, fitting: 10_000 } } },
    },
  },
  'a listing of a track, with all its variations': {
    ...{ kind: 'listing', id: '1'.repeat(100), seen: seenOf(1000) },
  },
  'a listing that is gone': { kind: 'listing', id: '1', seen: [NOW, ITEM_ID, 0, null, 0] },
  'a watchlist': {
    ...{ kind: 'watchlist', tenant: TENANT, paused: true, createdAt: NOW },
    definition: {
      ...{ name: NAME, marketplace: 'EBAY_US', atLeastEvery: 604_800, atMostEvery: 604_800, value: 1000 },
      ...{ quantity: true, dailyCalls: 1_000_000, shipTo: { country: 'US', postalCode: '1'.repeat(10) } },
    },
  },
  'a listing of a watchlist': { kind: 'watched', item: `v1|${'1'.repeat(19)}|${'2'.repeat(19)}`, columns },
  'an alert': {
    ...{ kind: 'alert', tenant: TENANT, paused: true, createdAt: NOW },
    definition: { name: NAME, watchlist: NAME, when: [{ on: 'gone' }] },
  },
  'what a person keeps': {
    ...{ kind: 'person', tenant: TENANT, id: 'k'.repeat(10), news: `${NOW}-999999999999` },
    items: Object.fromEntries(
      Array.from({ length: MAX_SAVED }, (_, n) => [
        `${ITEM_ID.slice(0, -6)}${100_000 + n}`,
        { ...kept, note: 'ä'.repeat(MAX_NOTE_LENGTH) },
      ]),
    ),
  },
};

describe('The records of a backup', () => {
  const reader = new RecordReader(1);

  for (const [what, record] of Object.entries(RECORDS))
    it(`hold the largest of its kind: ${what}`, () => {
      const read = reader.read(record);
      expect(typeof read === 'string' ? read : read.kind).to.equal((record as BackupRecord).kind);
    });

  it('hold columns as an import takes them', () => {
    const { errors } = readImport({ entries: [{ item: '110000000001', ...columns }] });
    expect(errors).to.deep.equal([]);
  });

  it('are named where one is left out', () => {
    const problemOf = (record: object, owner = '') =>
      namedProblem(record as BackupRecord, reader.read(record) as string, owner);
    const seen = [NOW, ITEM_ID, 2, null, 0];
    expect(problemOf({ kind: 'listing', id: '110000000001', seen }, 'track shop/big')).to.match(
      /^track shop\/big, listing 110000000001: listing\.seen\.2 must be/,
    );
    const watched = { kind: 'watched', item: '1', columns };
    expect(problemOf(watched, 'watchlist shop/w')).to.match(
      /^watchlist shop\/w, listing 1: watched\.item must/,
    );
    const key = { ...RECORDS['an API key'], hash: 'x' };
    expect(problemOf(key)).to.match(/^key n{60} \(k{10}\): key\.hash must/);
    const schedule = { ...RECORDS['a schedule'], definition: { name: 'often', every: 'x', request: {} } };
    expect(problemOf(schedule)).to.match(/^schedule t{40}\/often: (?!schedule)/);
    const strange = { ...RECORDS['a schedule'], definition: null };
    expect(problemOf(strange)).to.match(/^schedule t{40}\/: (?!schedule)/);
  });
});
