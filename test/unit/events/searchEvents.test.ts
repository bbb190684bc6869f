import { expect } from 'chai';
import Schema from 'typebox/schema';
import { EVENT_SCHEMAS, type ServiceEvent } from '../../../src/events/event.ts';
import {
  eventOfFailure,
  eventsOfEnd,
  type SearchSource,
  type TrackComparison,
} from '../../../src/events/searchEvents.ts';
import { Failure } from '../../../src/failures.ts';
import type { Product } from '../../../src/product/product.ts';
import type { SearchSummary } from '../../../src/product/summary.ts';

const usd = (value: string) => ({ value, currency: 'USD' });
const search = { tenant: 'default', searchId: 's_1', timestamp: 1000 };
const source: SearchSource = { search, attempt: 0, schedule: null, query: 'usb c hub' };

const summary = {
  searchId: 's_1',
  outcome: 'complete',
  counts: { found: 9, collected: 3, products: 3, duplicates: 0, filteredOut: 0, rejected: {} },
  stoppedBy: 'end',
  lookedAt: 3,
  calls: 1,
  pages: 1,
  missing: [],
  gone: ['v1|9|0'],
  warnings: [],
  error: null,
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:02.000Z',
  expiresAt: '2026-01-01T06:00:00.000Z',
} satisfies SearchSummary;

function product(n: number, change: Partial<Product> = {}): Product {
  return {
    itemId: `v1|${n}|0`,
    marketplace: 'EBAY_US',
    title: 'TITLE',
    url: `https://www.ebay.com/itm/${n}`,
    total: usd('9.00'),
    observedAt: '2026-01-01T00:00:01.000Z',
    ...change,
  } as Product;
}

function comparison(products: Product[], gone: string[] = []): TrackComparison {
  const marks = new Map(products.map(({ itemId, mark }) => [itemId, mark ?? null]));
  const seenAt = new Map(products.map(({ itemId, observedAt }) => [itemId, observedAt]));
  return { name: 'hubs', products, verdict: { marks, formerTotals: new Map(), gone, whole: true }, seenAt };
}

const changes = comparison(
  [
    product(1, { mark: 'new', total: null }),
    product(2, {
      ...{ mark: 'price-dropped', formerTotal: usd('10.00'), formerSeenAt: '2026-02-28T12:00:00.000Z' },
    }),
    product(3, { mark: 'price-rose', formerTotal: usd('8.00'), priceDisplay: 'IN_CART' }),
    product(4, { mark: 'same' }),
  ],
  ['v1|9|0'],
);

const idsOf = (events: ServiceEvent[]) => events.map(({ id }) => id);

describe('the events of a search', () => {
  it('are one for each change and one for the search, each as its schema says, without the seller’s words', () => {
    const events = eventsOfEnd(source, summary, changes);
    expect(events.map(({ type }) => type)).to.deep.equal([
      'product.new',
      'product.price-dropped',
      'product.price-rose',
      'product.gone',
      'search.completed',
    ]);
    for (const event of events)
      expect(Schema.Check(EVENT_SCHEMAS[event.type], event), event.type).to.equal(true);
    expect(events[1]).to.deep.include({
      ...{ track: 'hubs', formerTotal: usd('10.00'), formerSeenAt: '2026-02-28T12:00:00.000Z' },
    });
    expect(events[2]).not.to.have.property('formerSeenAt');
    expect(events.map((event) => 'product' in event && 'priceDisplay' in event.product)).to.deep.equal([
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(events[4]).to.deep.include({
      track: { name: 'hubs', firstRun: false, new: 1, priceDropped: 1, priceRose: 1, gone: 1 },
    });
    expect(JSON.stringify(events)).not.to.include('TITLE');
  });

  it('are one summary the first time, however many products there are', () => {
    const first = comparison(Array.from({ length: 200 }, (_, n) => product(n)));
    const events = eventsOfEnd(source, summary, first);
    expect(events).to.have.length(1);
    expect(events[0]).to.deep.include({
      type: 'search.completed',
      track: { name: 'hubs', firstRun: true, new: 0, priceDropped: 0, priceRose: 0, gone: 0 },
    });
  });

  it('have a type for each other end', () => {
    const ends = [
      ...eventsOfEnd(source, { ...summary, outcome: 'cancelled' }, undefined),
      ...eventsOfEnd({ ...source, schedule: 'daily' }, { ...summary, outcome: 'skipped' }, undefined),
      ...eventsOfEnd(source, { ...summary, outcome: 'degraded' }, undefined),
      eventOfFailure(source, new Failure('credential-refused', 'refused'), new Date(0)),
    ];
    expect(ends.map(({ type }) => type)).to.deep.equal([
      'search.cancelled',
      'search.skipped',
      'search.completed',
      'search.failed',
    ]);
    expect(ends[1]).to.include({ schedule: 'daily' });
    for (const event of ends)
      expect(Schema.Check(EVENT_SCHEMAS[event.type], event), event.type).to.equal(true);
  });

  it('have the same ids when the same end is published again, later and with other times', () => {
    const again = { ...summary, finishedAt: '2026-01-01T00:09:00.000Z', calls: 2 };
    expect(idsOf(eventsOfEnd(source, again, changes))).to.deep.equal(
      idsOf(eventsOfEnd(source, summary, changes)),
    );
  });

  it('have the same ids when a product’s own call was answered in between', () => {
    const observedAt = '2026-01-01T00:08:00.000Z';
    const products = changes.products.map((each) => ({ ...each, total: usd('8.99'), observedAt }));
    const later = eventsOfEnd(source, summary, { ...changes, products });
    expect(idsOf(later)).to.deep.equal(idsOf(eventsOfEnd(source, summary, changes)));
  });

  it('have another id for the search when it ends once more, and the same for products seen before', () => {
    const first = eventsOfEnd(source, summary, changes);
    const next = eventsOfEnd({ ...source, attempt: 1 }, summary, changes);
    expect(idsOf(next).slice(0, -1)).to.deep.equal(idsOf(first).slice(0, -1));
    expect(next.at(-1)?.id).not.to.equal(first.at(-1)?.id);
  });

  it('have other ids for another tenant, another track, another sight and a job id used again', () => {
    const ids = new Set([
      ...idsOf(eventsOfEnd(source, summary, changes)),
      ...idsOf(eventsOfEnd({ ...source, search: { ...search, tenant: 'acme' } }, summary, changes)),
      ...idsOf(
        eventsOfEnd({ ...source, search: { ...search, timestamp: 2 } }, summary, { ...changes, name: 'b' }),
      ),
      ...idsOf(
        eventsOfEnd({ ...source, attempt: 7 }, summary, {
          ...changes,
          seenAt: new Map(changes.products.map(({ itemId }) => [itemId, '2026-02-01T00:00:00.000Z'])),
        }),
      ),
    ]);
    expect(ids.size).to.equal(4 * 5);
  });
});
