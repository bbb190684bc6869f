import { expect } from 'chai';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import {
  FilterSchema,
  type NormalRequest,
  type SearchRequest,
  SearchRequestSchema,
} from '../../../src/product/requestSchema.ts';
import { callVersion } from '../../../src/queue/search/jobData.ts';

const IN_0_2 = [
  ...[
    'v',
    'query',
    'categoryIds',
    'marketplaces',
    'maxItems',
    'maxCalls',
    'sort',
    'filters',
    'shipTo',
    'title',
  ],
  ...[
    'seller',
    'excludePickupOnly',
    'details',
    'track',
    'maxAge',
    'onFailure',
    'strictFilters',
    'priority',
    'tenant',
  ],
];
const FILTERS_IN_0_2 = [
  ...['price', 'conditions', 'conditionIds', 'buyingOptions', 'deliveryCountry', 'deliveryPostalCode'],
  ...[
    'itemLocationCountry',
    'freeShipping',
    'returnsAccepted',
    'sellers',
    'excludeSellers',
    'sellerAccountTypes',
  ],
  ...['searchInDescription', 'aspects'],
];

describe('the version of a call', () => {
  function normal(request: SearchRequest): NormalRequest {
    const parsed = parseSearchRequest(request, { marketplace: 'EBAY_US' });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    return parsed.request;
  }

  const plain = normal({ query: 'mug' });
  const known = (names: string[]) => names.filter((name) => name !== 'filters');

  it('is the one of release 0.2 for a request with nothing but its defaults', () => {
    expect(callVersion(plain, '')).to.equal(2);
  });

  it('is that of release 0.2 for a field or a filter that it knows, and of no other', () => {
    const fields = Object.keys(SearchRequestSchema.properties).filter(
      (name) => callVersion({ ...plain, [name]: plain[name as keyof NormalRequest] ?? 'any' }, '') === 2,
    );
    expect(known(fields)).to.have.members(known(IN_0_2));
    const filters = Object.keys(FilterSchema.properties).filter(
      (name) => callVersion({ ...plain, filters: { [name]: 'any' } }, '') === 2,
    );
    expect(filters).to.have.members(FILTERS_IN_0_2);
  });

  it('is a later one for details of what is new, and where links are to earn a commission', () => {
    expect(callVersion({ ...plain, details: 'full' }, '')).to.equal(2);
    expect(callVersion({ ...plain, details: 'new' }, '')).to.equal(3);
    expect(callVersion(plain, '5338')).to.equal(3);
  });
});
