import { expect } from 'chai';
import {
  atomOf,
  expectedCalls,
  formGroups,
  type Group,
  type Known,
  newAtOnce,
  pagesOf,
} from '../../../../src/queue/watch/watchlists/groups.ts';
import type { LookState, StoredList, WatchStore } from '../../../../src/queue/watch/watchlists/store.ts';
import { unitsOf, withItems } from '../../../../src/queue/watch/watchlists/watchLooks.ts';

const listing = (n: number, fields: Partial<Known> = {}): Known => ({
  entry: String(110_000_000_000 + n),
  seller: null,
  category: null,
  isSearchable: true,
  isKnown: false,
  isAway: false,
  ...fields,
});
const of = (seller: string, count: number, from: number, category = '9') =>
  Array.from({ length: count }, (_, n) => listing(from + n, { seller, category, isKnown: true }));
const totalsOf = (totals: Record<string, number>, category = '9') =>
  new Map(Object.entries(totals).map(([seller, total]) => [atomOf(category, seller), total]));
const DAY = 86_400_000;
const ids = () => {
  let last = 0;
  return () => {
    last += 1;
    return `s${last}`;
  };
};
const kinds = (groups: readonly Group[]) =>
  groups.map(({ kind, members, sellers }) => [kind, members.length, sellers.length]);

describe('The groups of a watchlist', () => {
  it('have the guarantee of the list, also those of listings that are not known yet', () => {
    const definition = { name: 'big', value: 1, atLeastEvery: 21_600, atMostEvery: 60 };
    const list = { record: { definition } } as StoredList;
    const kinds = ['new', 'items'] as const;
    const groups = kinds.map((kind) => ({ id: kind, kind, listings: 2000, calls: 50, isMeasured: false }));
    expect(unitsOf(list, groups).map(({ atLeastEveryMs }) => atLeastEveryMs)).to.deep.equal([
      21_600_000, 21_600_000,
    ]);
  });

  it('begin with listings of unknown sellers, a part of which is asked for in a look', () => {
    const groups = formGroups(
      [...Array(500).keys()].map((n) => listing(n)),
      new Map(),
      [],
      ids(),
    );
    expect(kinds(groups)).to.deep.equal([['new', 500, 0]]);
    expect([5, 500, 2000, 20_000].map(newAtOnce)).to.deep.equal([5, 13, 50, 200]);
  });

  it('ask for other listings in each look, also where those of the look before stay unknown', async () => {
    const open = [...Array(25).keys()].map(String);
    const unknown = { seen: async () => open.map(() => null) } as unknown as WatchStore;
    const askedIn = async (number: number) =>
      (await withItems(unknown, 'any', { number, at: 1, kind: 'new', open } as LookState, DAY)).asked;
    expect(await askedIn(1)).to.deep.equal(await askedIn(1));
    const asked = new Set([...(await askedIn(1)), ...(await askedIn(2)), ...(await askedIn(3))]);
    expect(asked.size).to.equal(25);
  });

  it('measure each seller first, and several at once of whom one listing is watched', () => {
    const single = [...Array(30).keys()].flatMap((n) => of(`one${n}`, 1, 100 + n));
    const groups = formGroups([...of('big', 3, 0), ...single], new Map(), [], ids());
    expect(kinds(groups)).to.deep.equal([
      ['search', 3, 1],
      ['search', 20, 20],
      ['search', 10, 10],
    ]);
    expect(groups.map(({ total }) => total)).to.deep.equal([null, null, null]);
    expect(groups.map(expectedCalls)).to.deep.equal([1, 1, 1]);
  });

  it('measure a seller alone whose search with others was refused', () => {
    const listings = ['one', 'two', 'three'].flatMap((seller, n) => of(seller, 1, n));
    const refused = new Set([atomOf('9', 'two')]);
    const groups = formGroups(listings, new Map(), [], ids(), '', refused);
    expect(groups.map(({ sellers }) => sellers)).to.have.deep.members([['two'], ['one', 'three']]);
  });

  it('ask for the listings of a seller one by one where its search has more pages', () => {
    const listings = [...of('shop', 4, 0), ...of('giant', 4, 10)];
    const groups = formGroups(listings, totalsOf({ shop: 700, giant: 900 }), [], ids());
    expect(kinds(groups)).to.deep.equal([
      ['search', 4, 1],
      ['items', 4, 0],
    ]);
    expect(groups[0]?.sellers).to.deep.equal(['shop']);
    // What has ended, or is sold out, is shown by no search.
    const away = of('shop', 4, 0).map((each) => ({ ...each, isAway: true }));
    expect(kinds(formGroups(away, totalsOf({ shop: 700 }), [], ids()))).to.deep.equal([['items', 4, 0]]);
  });

  it('let small sellers of one category share a search, within its limits', () => {
    const names = [...Array(300).keys()].map((n) => `seller${n}`);
    const listings = names.flatMap((name, n) => of(name, 1, n));
    const totals = totalsOf(Object.fromEntries(names.map((name) => [name, 6])));
    const groups = formGroups(listings, totals, [], ids());
    expect(groups.every(({ kind }) => kind === 'search')).to.equal(true);
    expect(groups.flatMap(({ members }) => members)).to.have.length(300);
    for (const { sellers, total } of groups) {
      expect(sellers.length).to.be.at.most(250);
      expect(sellers.join('%7C').length).to.be.at.most(1500);
      expect(total).to.be.at.most(3000);
    }
    const pages = groups.reduce((sum, { total }) => sum + pagesOf(total ?? 0), 0);
    expect(pages).to.be.below(15);
    expect(
      formGroups(
        of('a', 1, 0, '9').concat(of('b', 1, 5, '8')),
        new Map([...totalsOf({ a: 5 }, '9'), ...totalsOf({ b: 5 }, '8')]),
        [],
        ids(),
      ),
    ).to.have.length(2);
  });

  it('keep their ids and sellers while others come and go', () => {
    const nextId = ids();
    const names = ['a', 'b', 'c', 'd'];
    const all = names.flatMap((name, n) => of(name, 10, 20 * n));
    const totals = totalsOf({ a: 1200, b: 1200, c: 900, d: 500 });
    const before = formGroups(all, totals, [], nextId);
    const sellersOf = (groups: readonly Group[]) =>
      Object.fromEntries(
        groups.filter(({ kind }) => kind === 'search').map(({ id, sellers }) => [id, sellers]),
      );
    const first = sellersOf(before);
    expect(sellersOf(formGroups(all, totals, before, nextId))).to.deep.equal(first);
    const without = formGroups(
      all.filter(({ seller }) => seller !== 'a'),
      totals,
      before,
      nextId,
    );
    const after = sellersOf(without);
    for (const id of Object.keys(after)) expect(first).to.have.property(id);
    expect(Object.values(after).flat().sort()).to.deep.equal(['b', 'c', 'd']);
  });

  it('look at all listings of a seller once before it shares a search, without another look then', () => {
    const nextId = ids();
    const all = ['a', 'b'].flatMap((name, n) => of(name, 10, 20 * n));
    const totals = totalsOf({ a: 400, b: 500 });
    const idsOfAll = (groups: readonly Group[]) => groups.map(({ id, sellers }) => [id, sellers.join()]);
    const partly = new Set(['a', 'b'].map((seller) => atomOf('9', seller)));
    const first = formGroups(all, totals, [], nextId, '', partly);
    expect(idsOfAll(first)).to.deep.equal([
      ['s1', 'a'],
      ['s2', 'b'],
    ]);
    expect(first.map(({ isPartly }) => isPartly)).to.deep.equal([true, true]);
    expect(idsOfAll(formGroups(all, totals, first, nextId, '', partly))).to.deep.equal(idsOfAll(first));
    const half = formGroups(all, totals, first, nextId, '', new Set([atomOf('9', 'b')]));
    expect(idsOfAll(half)).to.deep.equal(idsOfAll(first));
    expect(idsOfAll(formGroups(all, totals, half, nextId))).to.deep.equal([['s1', 'a,b']]);
  });

  it('leave out of searches what a search cannot show: variations, lists with quantity, nameless sellers', () => {
    const listings = [
      ...of('shop', 2, 0).map((each) => ({ ...each, isSearchable: false })),
      listing(10, { isKnown: true, category: '9' }),
    ];
    expect(kinds(formGroups(listings, totalsOf({ shop: 3 }), [], ids(), 'abc'))).to.deep.equal([
      ['items', 3, 0],
    ]);
  });

  it('lose no listing and name none twice', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      let state = seed;
      const draw = (most: number) => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return state % most;
      };
      const totals: Record<string, number> = {};
      const listings = Array.from({ length: 400 }, (_, n) => {
        const seller = draw(5) === 0 ? null : `s${draw(40)}`;
        if (seller !== null && draw(2) === 0) totals[seller] ??= draw(3000);
        const fields = { seller, category: seller && '9', isKnown: draw(2) === 0, isAway: draw(9) === 0 };
        return listing(n, { ...fields, isSearchable: draw(6) !== 0 });
      });
      const groups = formGroups(listings, totalsOf(totals), [], ids());
      const members = groups.flatMap((group) => group.members);
      expect(members.toSorted()).to.deep.equal(listings.map(({ entry }) => entry).toSorted());
      expect(new Set(groups.map(({ id }) => id)).size).to.equal(groups.length);
    }
  });
});
