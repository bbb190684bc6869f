import type { Mutation } from './mutation.ts';

const LANDED = 'test/unit/product/landed.test.ts';

export const mutations: Mutation[] = [
  {
    id: 'rounded-down',
    file: 'src/product/landed.ts',
    find: 'return (2n * dividend + divisor) / (2n * divisor);',
    replace: 'return dividend / divisor;',
    breaks: 'Each part of a landed cost is rounded half up.',
    tests: [LANDED],
  },
  {
    id: 'unknown-is-nothing',
    file: 'src/product/landed.ts',
    find: 'return a === null || b === null ? null : a + b;',
    replace: 'return (a ?? 0n) + (b ?? 0n);',
    breaks: 'An unknown part makes the cost unknown: it is never 0.',
    tests: [LANDED],
  },
  {
    id: 'rate-of-one',
    file: 'src/product/landed.ts',
    find: 'missingRates.add(amount.currency);\n    return null;',
    replace: 'return from;',
    breaks: 'Amounts of two currencies are never mixed without a rate.',
    tests: [LANDED],
  },
  {
    id: 'margin-is-no-condition',
    file: 'src/collector/assemble.ts',
    find: 'return marginReason?.(product) ?? null;',
    replace: 'return null;',
    breaks: 'A search with a least margin goes on until enough products leave it.',
    tests: ['test/integration/queue/costs.test.ts'],
    grep: 'goes on until enough',
  },
  {
    id: 'newer-price-is-no-condition',
    file: 'src/collector/deliver.ts',
    find: '(answer?.listing && marginReason?.(answer.listing)) ?? null',
    replace: 'null',
    breaks: 'A product whose own price leaves less than the least margin is not delivered.',
    tests: ['test/unit/collector/deliver.test.ts'],
  },
  {
    id: 'margin-out-of-reach',
    file: 'src/product/landed.ts',
    find: 'return errors.length > 0 ? errors : marginErrors(costs as Costs);',
    replace: 'return errors;',
    breaks: 'A least margin that no product could leave is refused.',
    tests: [LANDED],
  },
  {
    id: 'campaign-of-another',
    file: 'src/fleet/snapshot.ts',
    find: "{ ...keyset, affiliateCampaignId: '' }, search: { costs: '' }",
    replace: '{ ...keyset }',
    breaks: 'A tenant has neither the costs nor the affiliate campaign of another one.',
    tests: ['test/unit/tenants/snapshot.test.ts'],
  },
  {
    id: 'reference-without-campaign',
    file: 'src/product/parseRequest.ts',
    find: "defaults.affiliateCampaignId === '' && has('reference')",
    replace: 'false',
    breaks: 'A reference for affiliate links is refused where there is no campaign.',
    tests: ['test/integration/queue/costs.test.ts'],
    grep: 'refused by its name',
  },
];
