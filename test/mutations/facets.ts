import type { Mutation } from './mutation.ts';

const MAPPED = 'test/unit/collector/mapFacets.test.ts';
const SEARCHES = 'test/integration/queue/facets.test.ts';
const NAMES = 'test/integration/ebay/taxonomy.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'with-each-page',
    file: 'src/collector/query.ts',
    find: 'request.facets && page.offset === 0',
    replace: 'request.facets',
    breaks: 'Facets are asked for with the first page of a marketplace alone.',
    tests: [SEARCHES],
    grep: 'makes the calls of one without',
  },
  {
    id: 'not-specified-as-a-value',
    file: 'src/collector/mapFacets.ts',
    find: "if (asksForNone(refinementHref)) return { value: '!', text: value };",
    replace: '',
    breaks: 'Listings without an aspect are asked for as `!`, not by what eBay calls them.',
    tests: [MAPPED],
  },
  {
    id: 'values-no-request-can-hold',
    file: 'src/collector/mapFacets.ts',
    find: 'return VALUE.test(value) ? { value } : null;',
    replace: 'return { value };',
    breaks: 'A facet has no value that a request refuses.',
    tests: [MAPPED],
  },
  {
    id: 'names-without-a-claim',
    file: 'src/ebay/taxonomy.ts',
    find: "(await redis.set(claim, '1', 'PX', claimedMs, 'NX')) === 'OK'",
    replace: "(await redis.set(claim, '1', 'PX', claimedMs)) === 'OK'",
    breaks: 'Two processes that need the same names of categories make one call.',
    tests: [NAMES],
    grep: 'read once for two processes',
  },
  {
    id: 'no-old-names',
    file: 'src/ebay/taxonomy.ts',
    find: 'if (kept !== undefined) return kept;\n      throw error;',
    replace: 'throw error;',
    breaks: 'While eBay fails, old names of categories are used.',
    tests: [NAMES],
    grep: 'the old ones while eBay fails',
  },
  {
    id: 'names-of-all-environments',
    file: 'src/ebay/taxonomy.ts',
    find: 'config.ebay.environment',
    replace: "'ebay'",
    breaks: 'Filler text of the sandbox is no answer for a keyset of production.',
    tests: [NAMES],
    grep: 'those of their own environment',
  },
  {
    id: 'failed-for-all-tenants',
    file: 'src/ebay/taxonomy.ts',
    find: 'this.#options.tenant}',
    replace: "''}",
    breaks: 'A keyset that eBay refuses or throttles keeps no other tenant from asking.',
    tests: [NAMES],
    grep: 'one tenant',
  },
];
