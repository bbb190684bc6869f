import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { PageAnswer } from '../../../../src/collector/answers.ts';
import { mapPage } from '../../../../src/collector/mapPage.ts';
import { searchCall } from '../../../../src/collector/query.ts';
import { parseSearchRequest } from '../../../../src/product/parseRequest.ts';
import type { Product } from '../../../../src/product/product.ts';
import type { NormalRequest } from '../../../../src/product/requestSchema.ts';
import {
  formGroups,
  isExplained,
  jointQuery,
  type Member,
  type SharedGroup,
  type Sharer,
  sharedRequest,
  shareKeyOf,
  splitAnswer,
  wordOf,
} from '../../../../src/queue/watch/sharedCalls.ts';
import { Catalogue } from '../../../../src/simulator/catalogue/catalogue.ts';
import { createSearch, STEADY } from '../../../../src/simulator/search/search.ts';
import { productOf } from '../../collector/listing.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-05-01T12:00:00Z');

function requestOf(change: Record<string, unknown>): NormalRequest {
  const input = { query: 'case', sort: 'newlyListed', track: 'watch', marketplaces: ['EBAY_US'], ...change };
  const parsed = parseSearchRequest(JSON.parse(JSON.stringify(input)), { marketplace: 'EBAY_US' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.request;
}

const member = (word: string, change: Partial<Member> = {}): Member => ({
  word,
  own: NOW - HOUR,
  seen: NOW - HOUR,
  knows: () => false,
  ...change,
});

/** Listed so many hours ago. */
const product = (title: string, hours: number): Product => ({
  ...productOf({ title, itemId: `v1|${1000 + hours * 10}|0`, legacyItemId: `${1000 + hours * 10}` }),
  listedAt: new Date(NOW - hours * HOUR).toISOString(),
});

const pageOf = (products: Product[], change: Partial<PageAnswer> = {}): PageAnswer => ({
  marketplace: 'EBAY_US',
  offset: 0,
  limit: 200,
  observedAt: new Date(NOW).toISOString(),
  total: 1000,
  hasNext: true,
  received: products.length,
  products,
  rejected: {},
  warnings: [],
  calls: 1,
  latencyMs: 5,
  ...change,
});

/** What the first of these members gets. */
const partOf = (page: PageAnswer, first: Member, others: readonly Member[], margin: number) =>
  splitAnswer(page, [first, ...others], margin)[0] as PageAnswer | string;

const titlesOf = (part: PageAnswer | string) =>
  typeof part === 'string' ? part : part.products.map(({ title }) => title);

describe('searches that share a call', () => {
  it('look for new listings of one word, on one marketplace, with a track', () => {
    assert.equal(wordOf(requestOf({ query: ' Case ' })), 'case');
    assert.equal(wordOf(requestOf({ query: 'küche' })), 'küche');
    const others: Array<Record<string, unknown>> = [
      ...['phone case', '"case"', 'case,', '(case)', '-case', 'OR', 'x', '手机壳'].map((query) => ({
        query,
      })),
      { sort: 'price' },
      { track: undefined },
      { marketplaces: ['EBAY_US', 'EBAY_DE'] },
      { facets: true },
      { autoCorrect: true },
      { filters: { searchInDescription: true } },
    ];
    for (const change of others) assert.equal(wordOf(requestOf(change)), undefined, JSON.stringify(change));
  });

  it('have all in common that eBay is asked, and may differ in what is applied to its answer here', () => {
    const key = shareKeyOf(requestOf({}));
    const alike = [{ query: 'cable' }, { track: 'other' }, { maxItems: 10 }, { title: { exclude: ['old'] } }];
    const different = [
      { categoryIds: ['20349'] },
      { marketplaces: ['EBAY_DE'] },
      { filters: { price: { max: 20, currency: 'USD' } } },
      { shipTo: { country: 'DE' } },
      { strictFilters: true },
    ];
    for (const change of alike) assert.equal(shareKeyOf(requestOf(change)), key, JSON.stringify(change));
    for (const change of different)
      assert.notEqual(shareKeyOf(requestOf(change)), key, JSON.stringify(change));
  });

  it('are asked for with one call of the same meaning', () => {
    const filters = { price: { max: 20, currency: 'USD' }, conditions: ['NEW'] };
    const first = requestOf({ filters, shipTo: { country: 'DE' }, maxItems: 10, title: { include: ['x'] } });
    const joint = sharedRequest(first, ['cable', 'case', 'cable']);
    const page = { marketplace: 'EBAY_US', offset: 0, limit: 200 } as const;
    const own = searchCall(first, page);
    assert.deepEqual(searchCall(joint, page), { ...own, params: { ...own.params, q: '(cable, case)' } });
    assert.equal(shareKeyOf(joint), shareKeyOf(first));
    assert.equal(joint.maxCalls, 1);
    assert.equal(joint.track, undefined);
    const again = parseSearchRequest(JSON.parse(JSON.stringify(joint)), { marketplace: 'EBAY_DE' });
    assert.deepEqual(again.ok && again.request, joint);
  });
});

describe('groups of searches that share a call', () => {
  const sharer = (name: string, rate: number, change: Partial<Sharer> = {}): Sharer => ({
    name,
    word: name,
    key: 'k',
    rate,
    value: 1,
    ...change,
  });
  const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
  /** Words with stems of their own. */
  const word = (index: number, length: number) =>
    [index % 26, Math.floor(index / 26) % 26, Math.floor(index / 676) % 26]
      .map((each) => LETTERS[each])
      .join('')
      .padEnd(length, 'x');

  it('hold every schedule once at most, with a query that eBay does not cut', () => {
    const some = fc.array(
      fc.record({
        length: fc.integer({ min: 3, max: 30 }),
        rate: fc.double({ min: 0, max: 2000, noNaN: true }),
        key: fc.constantFrom('a', 'b'),
      }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(some, some, (drawn, more) => {
        const named = (list: typeof drawn) =>
          list.map(({ length, rate, key }, index) => sharer(word(index, length), rate, { key }));
        const [before, after] = [named(drawn), named(more)];
        const byName = new Map(after.map((each) => [each.name, each]));
        const groups = formGroups(after, formGroups(before));
        const names = groups.flatMap(({ members }) => members);
        assert.equal(new Set(names).size, names.length);
        assert.equal(new Set(groups.map(({ id }) => id)).size, groups.length);
        for (const { members, key } of groups) {
          const present = members.map((name) => byName.get(name) as Sharer);
          assert.equal(present.length >= 2, true);
          assert.deepEqual(new Set(present.map((each) => each.key)), new Set([key]));
          assert.equal(jointQuery(present.map((each) => each.word)).length <= 100, true);
        }
      }),
      { numRuns: 200, endOnFailure: true },
    );
  });

  it('are filled from those that change most: that makes the total delay least', () => {
    const sharers = Array.from({ length: 24 }, (_, index) => sharer(word(index, 10), 100 / 2 ** index));
    const [largest] = formGroups(sharers);
    assert.deepEqual(
      largest?.members,
      sharers.slice(0, 8).map(({ name }) => name),
    );
  });

  it('do not hold one that would fill the page alone, nor words of one stem', () => {
    const groups = formGroups([
      sharer('busy', 5000),
      sharer('quiet', 3),
      sharer('case', 2),
      sharer('cases', 2),
      sharer('lamp', 1),
    ]);
    assert.deepEqual(
      groups.map(({ members }) => members),
      [['quiet', 'case', 'lamp']],
    );
  });

  it('stay with their id where one joins or leaves', () => {
    const sharers = Array.from({ length: 12 }, (_, index) => sharer(word(index, 9), 20 - index));
    const before = formGroups(sharers);
    const after = formGroups([...sharers.slice(0, 3), ...sharers.slice(4), sharer('newcomer', 1)], before);
    assert.deepEqual(
      after.map(({ id }) => id),
      before.map(({ id }) => id),
    );
    assert.equal(
      after.some(({ members }) => members.includes('newcomer')),
      true,
    );
    assert.equal(
      after.some(({ members }) => members.includes(sharers[3]?.name as string)),
      false,
    );
  });

  it('have ids of their own, also where one began with the members that another has now', () => {
    const [early, late] = [
      ['lamp', 'mug'],
      ['lamps', 'mugs'],
    ].map((words) => words.map((each) => sharer(each, 5)));
    const [before] = formGroups(early ?? []);
    const moved = formGroups(late ?? [], [before as SharedGroup]);
    assert.equal(moved[0]?.id, before?.id);
    const groups = formGroups([...(early ?? []), ...(late ?? [])], moved);
    assert.deepEqual(groups.map(({ members }) => members.toSorted().join()).toSorted(), [
      'lamp,mug',
      'lamps,mugs',
    ]);
    assert.equal(new Set(groups.map(({ id }) => id)).size, 2);
  });

  it('are formed again where that saves more than a new look at each costs', () => {
    const previous: SharedGroup[] = [0, 1, 2].map((group) => ({
      id: `${group}`,
      key: 'k',
      members: [0, 1, 2].map((place) => word(group + 3 * place, 8)),
    }));
    const sharers = Array.from({ length: 9 }, (_, index) => sharer(word(index, 8), index < 3 ? 100 : 1));
    const groups = formGroups(sharers, previous);
    assert.equal(groups.length, 1);
    assert.equal(groups[0]?.members.length, 9);
  });
});

describe('the answer of a shared call', () => {
  const others = [member('lamp')];

  it('gives a member what has its word, in eBay’s order, and says that all behind is known', () => {
    const page = pageOf([
      product('A lamp', 0),
      product('Case for phones', 0.5),
      product('Case-lamp', 1.5),
      product('Lamp', 3),
      product('old CASE', 4),
    ]);
    const part = partOf(page, member('case'), others, 0) as PageAnswer;
    assert.deepEqual(titlesOf(part), ['Case for phones', 'Case-lamp', 'old CASE']);
    assert.deepEqual(
      part.products.map(({ rank }) => rank),
      [1, 2, 3],
    );
    assert.equal(part.endsAtKnown, true);
    assert.equal(part.calls, 0);
    assert.equal(part.observedAt, page.observedAt);
  });

  it('is not split where it does not reach back to what the member has seen, with the lag of eBay’s index', () => {
    const products = Array.from({ length: 20 }, (_, index) => product('case', index / 10));
    assert.equal(partOf(pageOf(products), member('case', { seen: NOW - 1.2 * HOUR }), others, 0), 'reach');
    const seen = { seen: NOW - 0.9 * HOUR };
    assert.equal(titlesOf(partOf(pageOf(products), member('case', seen), others, 0)).length, 20);
    assert.equal(partOf(pageOf(products), member('case', seen), others, HOUR / 2), 'reach');
    const whole = partOf(pageOf(products, { hasNext: false }), member('case'), others, HOUR) as PageAnswer;
    assert.equal(whole.hasNext, false);
    assert.equal(whole.endsAtKnown, undefined);
    assert.equal(whole.total, 20);
  });

  it('is not split where a product may be found by other means than its title', () => {
    const known = [product('lamp', 4), product('lamp', 5)];
    const withNew = (title: string) => pageOf([product(title, 0.1), ...known]);
    for (const title of ['Cases', 'Schutzcase', 'c-a-s-e', 'Casing', 'Hülle'])
      assert.equal(partOf(withNew(title), member('case'), others, 0), 'unsure', title);
    assert.deepEqual(titlesOf(partOf(withNew('Lamp shade'), member('case'), others, 0)), []);
    // It was there when the member's own call did not show it.
    const later = member('case', { own: NOW });
    assert.deepEqual(titlesOf(partOf(withNew('Cases'), later, others, 0)), []);
    assert.equal(partOf(withNew('Cases'), later, others, HOUR), 'unsure');
    const knowing = member('case', { knows: (itemId) => itemId === 'v1|1001|0' });
    assert.deepEqual(titlesOf(partOf(withNew('Hülle'), knowing, others, 0)), ['Hülle']);
    assert.deepEqual(titlesOf(partOf(withNew('Hülle'), member('case'), [knowing], 0)), []);
  });

  it('is not split where eBay ignored something, corrected the words or showed nothing', () => {
    const products = [product('case', 2)];
    const warning = { errorId: 12002, message: 'ignored' };
    for (const page of [
      pageOf([]),
      pageOf(products, { warnings: [warning] }),
      pageOf(products, { correctedQuery: 'cave' }),
    ])
      assert.equal(partOf(page, member('case'), others, 0), 'answer');
  });

  it('is shared by those alone whose own answer showed nothing that their word does not explain', () => {
    const titles = (...list: string[]) => list.map((title) => ({ title }));
    assert.equal(isExplained(titles('a case', 'Case 2'), 'case'), true);
    assert.equal(isExplained([], 'case'), true);
    assert.equal(isExplained(titles('a case', 'Hülle'), 'case'), false);
    assert.equal(isExplained(titles('a case', 'cases'), 'case'), false);
  });
});

describe('the answer of a shared call in the simulated eBay', () => {
  const today = Date.parse('2026-05-01T00:00:00Z');
  const search = createSearch(new Catalogue({ seed: 7, scale: 0.1, today }), 'http://127.0.0.1');
  const ask = (request: NormalRequest): PageAnswer => {
    const asked = { marketplace: 'EBAY_US', offset: 0, limit: 200 } as const;
    const answer = search({
      path: '/buy/browse/v1/item_summary/search',
      query: new URLSearchParams(searchCall(request, asked).params),
      marketplace: 'EBAY_US',
      buyer: {},
      origin: 'http://127.0.0.1',
      unsteady: STEADY,
    } as Parameters<typeof search>[0]);
    const page = mapPage(
      JSON.parse(answer.body.toString()),
      { ...asked, observedAt: new Date(today).toISOString() },
      /./,
    );
    if (!page.ok) throw new Error(page.reason);
    return { ...page.page, calls: 1, latencyMs: 0 };
  };
  const categoryIds = ['15032'];
  const WORDS = (
    'slim clear leather wallet matte magnetic rugged silicone travel universal foldable braided nylon privacy solar ' +
    'desktop fast compact coiled dimmable case cases charger chargers cable holder bank light gift tested bundle black blue'
  ).split(' ');

  it('has the same products for a member as a call of its own, as far as the answer reaches, or is not split', () => {
    let [given, refused, fresh] = [0, 0, 0];
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...WORDS), { minLength: 2, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (words, place) => {
          const joint = ask(sharedRequest(requestOf({ categoryIds }), words));
          // All that is older than a product in the first half is known to the members.
          const from = Math.floor((joint.products.length / 2) * place);
          const seen = Date.parse(joint.products[from]?.listedAt ?? '') || today;
          const own = words.map((query) => ask(requestOf({ query, categoryIds })));
          const members = words.map((word, index): Member => {
            const before =
              own[index]?.products.filter(({ listedAt }) => Date.parse(listedAt as string) < seen) ?? [];
            const known = new Set(before.map(({ itemId }) => itemId));
            return { word, seen, own: seen, knows: (itemId) => known.has(itemId) };
          });
          const last = Date.parse(joint.products.at(-1)?.listedAt ?? '');
          const parts = splitAnswer(joint, members, 0);
          for (const [index, each] of members.entries()) {
            const part = parts[index] as PageAnswer | string;
            if (typeof part === 'string') {
              refused += 1;
              continue;
            }
            given += 1;
            const separate = own[index]?.products ?? [];
            const within = separate.filter(({ listedAt }) => Date.parse(listedAt as string) > last);
            const inPart = part.products.filter(({ listedAt }) => Date.parse(listedAt as string) > last);
            assert.deepEqual(
              inPart.map(({ itemId }) => itemId),
              within.map(({ itemId }) => itemId),
              `${each.word} of ${words}`,
            );
            const isNew = ({ itemId, listedAt }: Product) =>
              !each.knows(itemId) && Date.parse(listedAt as string) >= seen;
            const missed = separate
              .filter(isNew)
              .filter(({ itemId }) => !part.products.some((one) => one.itemId === itemId));
            assert.deepEqual(missed, []);
            fresh += part.products.filter(isNew).length;
          }
        },
      ),
      { numRuns: 25, seed: 20260501, endOnFailure: true },
    );
    assert.equal(
      given > 25 && refused > 5 && fresh > 100,
      true,
      `${given} given, ${refused} refused, ${fresh} new`,
    );
  });
});
