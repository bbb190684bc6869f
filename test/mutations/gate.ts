import type { Mutation } from './mutation.ts';

export const mutations: Mutation[] = [
  {
    id: 'quota-edge',
    file: 'src/ebay/gateScript.ts',
    find: "if used >= limit then return closed(reset, 'quota', 'all') end",
    replace: "if used > limit then return closed(reset, 'quota', 'all') end",
    breaks: "The fleet makes no more calls a day than eBay's quota.",
    tests: ['test/integration/ebay/gateLedger.test.ts'],
  },
];
