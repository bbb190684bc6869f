import { expect } from 'chai';
import { EbayProductCollector } from '../../../src/collector/collector.ts';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { rushed } from '../../support/arrivals.ts';
import { testConfig } from '../../support/config.ts';
import { TestTokens } from '../../support/ebayClient.ts';
import { mintToken, useSimulator } from '../../support/simulator.ts';

describe('a collector without any Redis', () => {
  const simulator = useSimulator();

  it('collects a whole search, pacing itself in memory, and is measured', async () => {
    const { calls: callMetrics, registry } = createMetrics();
    const { url, controls } = simulator();
    const collector = EbayProductCollector.standalone({
      config: testConfig({ EBAY_API_URL: url, EBAY_QUICK_RETRY_DELAY: '0', MIN_API_CALL_INTERVAL: '0.3' }),
      tokens: new TestTokens(() => mintToken(url)),
      metrics: callMetrics('default'),
    });
    controls.arm({ fault: 'status', status: 503, skip: 1, count: 1 });
    const parsed = parseSearchRequest({ query: 'phone', maxItems: 450 }, { marketplace: 'EBAY_US' });
    if (!parsed.ok) throw new Error('expected a request');
    const { outcome, products, calls } = await collector.collect(parsed.request);
    expect([outcome, products.length, calls]).to.deep.equal(['complete', 450, 4]);
    expect(rushed(controls.log({ kind: 'search' }), 300)).to.deep.equal([]);
    const metrics = await registry.metrics();
    expect(metrics).to.include('dpf_ebay_calls_total{tenant="default",endpoint="search",outcome="ok"} 3');
    expect(metrics).to.include(
      'dpf_ebay_calls_total{tenant="default",endpoint="search",outcome="ebay-server-error"} 1',
    );
    expect(metrics).to.include('dpf_gate_wait_seconds_count{tenant="default",class="interactive"} 4');
  });

  it('makes at most one call for the details of each product, and falls back to the summary where that fails', async () => {
    const { url, controls } = simulator();
    const collector = EbayProductCollector.standalone({
      config: testConfig({ EBAY_API_URL: url, MIN_API_CALL_INTERVAL: '0' }),
      tokens: new TestTokens(() => mintToken(url)),
    });
    controls.arm({ fault: 'status', status: 400, on: { endpoint: 'item' }, skip: 2, count: 1 });
    const asked = { query: 'phone', maxItems: 5, details: 'full' };
    const parsed = parseSearchRequest(asked, { marketplace: 'EBAY_US' });
    if (!parsed.ok) throw new Error('expected a request');
    const { outcome, products, missing } = await collector.collect(parsed.request);
    expect(controls.log({ kind: 'item' })).to.have.length(5);
    expect(products.map(({ details }) => details !== undefined)).to.deep.equal([
      true,
      true,
      false,
      true,
      true,
    ]);
    expect(outcome).to.equal('partial');
    expect(missing.map(({ itemId, code }) => [itemId, code])).to.deep.equal([
      [products[2]?.itemId, 'ebay-refused'],
    ]);
  });

  it('says what narrows a search, and what eBay searched for', async () => {
    const { url } = simulator();
    const collector = EbayProductCollector.standalone({
      config: testConfig({ EBAY_API_URL: url, MIN_API_CALL_INTERVAL: '0' }),
      tokens: new TestTokens(() => mintToken(url)),
    });
    const asked = { query: 'yogaa mat', autoCorrect: true, facets: true, maxItems: 1 };
    const parsed = parseSearchRequest(asked, { marketplace: 'EBAY_US' });
    if (!parsed.ok) throw new Error('expected a request');
    const { facets, correctedQuery, calls } = await collector.collect(parsed.request);
    expect([facets?.[0]?.dominantCategoryId, correctedQuery, calls]).to.deep.equal(['158928', 'yoga mat', 1]);
  });

  it('collects the items of a request, all variations of each, and names what is gone', async () => {
    const { url, controls } = simulator();
    const collector = EbayProductCollector.standalone({
      config: testConfig({ EBAY_API_URL: url, MIN_API_CALL_INTERVAL: '0' }),
      tokens: new TestTokens(() => mintToken(url)),
    });
    const collect = (input: object) => {
      const parsed = parseSearchRequest(input, { marketplace: 'EBAY_US' });
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
      return collector.collect(parsed.request);
    };
    const { products: found } = await collect({ query: 'phone', maxItems: 60 });
    const grouped = found.find(({ group }) => group !== null)?.legacyItemId as string;
    const [single, gone] = found
      .filter(({ group }) => group === null)
      .map((each) => each.legacyItemId as string);
    controls.removeListing(gone as string);
    const items = [gone, `https://www.ebay.com/itm/${grouped}`, single];
    const { products, ...rest } = await collect({ items, variations: 'all' });
    expect(rest).to.deep.include({ outcome: 'complete', missing: [], pages: 0, calls: 4, stoppedBy: 'end' });
    expect(rest.gone).to.deep.equal([gone]);
    expect([...new Set(products.map(({ legacyItemId }) => legacyItemId))]).to.deep.equal([grouped, single]);
    expect(products.length).to.be.greaterThan(2);
    expect(products.every(({ details }) => details !== undefined)).to.equal(true);
    expect(controls.log({ kind: 'item-group' }).map(({ query }) => query.item_group_id)).to.deep.equal([
      grouped,
    ]);
  });
});
