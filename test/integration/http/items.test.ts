import { expect } from 'chai';
import type { Product } from '../../../src/product/product.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('GET /v1/items/:id', () => {
  const service = useService();
  const http = useHttpService({}, { beside: service });
  // A margin that no product leaves, as a tenant may have it.
  const COSTS = '{"currency": "USD", "resalePrice": "1", "minMarginAmount": "0.99"}';
  const demanding = useHttpService({ COSTS }, { beside: service });
  const itemCalls = () =>
    service.simulator.controls
      .log()
      .filter(({ kind }) => /item/.test(kind))
      .map(({ kind }) => kind);

  it('answers a listing with all variations, by its number or its address, and again without a call', async () => {
    const { searchId } = await service.search({ query: 'usb c hub', maxItems: 50 });
    const products = await service.producer.products(searchId);
    const varied = products.find(({ group }) => group !== null) as Product;
    const first = await http.call('GET', `/v1/items/${varied.legacyItemId}?shipTo=us:19406`);
    expect(first.status, first.text).to.equal(200);
    expect(first.json.products.length).to.be.greaterThan(1);
    expect(first.json.products.map((each: Product) => each.itemId)).to.include(varied.itemId);
    expect(first.json.summary).to.deep.include({ outcome: 'complete', calls: 2 });
    expect(itemCalls()).to.deep.equal(['legacy-item', 'item-group']);
    // As long as addresses with all their tracking are.
    const address = `${varied.url}?_trkparms=${'x'.repeat(300)}`;
    const again = await http.call('GET', `/v1/items/${encodeURIComponent(address)}?shipTo=US:19406`);
    expect(again.json.products).to.deep.equal(first.json.products);
    expect(again.json.summary.calls).to.equal(0);
    expect(itemCalls()).to.have.length(2);

    const alone = await http.call('GET', `/v1/items/${varied.legacyItemId}?variations=none`);
    expect([alone.status, alone.json.errors[0].code]).to.deep.equal([409, 'item-has-variations']);

    const unfit = await demanding.call('GET', `/v1/items/${varied.legacyItemId}`);
    expect([unfit.status, unfit.json.products]).to.deep.equal([200, []]);
    expect(unfit.json.summary).to.deep.include({ outcome: 'filtered-out', gone: [] });
    expect(unfit.json.summary.counts.filteredOutBy).to.have.property('margin');
  });

  it('does not call a listing gone whose search was cancelled', async () => {
    service.simulator.controls.configure({ latencyMs: 1000 });
    const held = http.call('GET', '/v1/items/199999999997');
    const { id } = await waitFor('the search', async () => (await service.searches.getJobs())[0]);
    await http.call('DELETE', `/v1/searches/${id}`);
    const { status, json } = await held;
    expect([status, json.errors[0].code, json.searchId]).to.deep.equal([409, 'cancelled', id]);
  });

  it('says what is gone, what cannot be read, and who may ask', async () => {
    const gone = await http.call('GET', '/v1/items/199999999999');
    expect([gone.status, gone.json.errors[0].code]).to.deep.equal([404, 'item-gone']);
    const unreadable = await http.call('GET', `/v1/items/${encodeURIComponent('https://example.com/itm/1')}`);
    expect(unreadable.status).to.equal(400);
    expect(unreadable.json.errors[0]).to.include({ path: 'id', code: 'invalid_item' });
    const place = await http.call('GET', '/v1/items/199999999999?shipTo=XX');
    expect([place.status, place.json.errors[0].path]).to.deep.equal([400, 'shipTo']);
    const authorization = `Bearer ${await http.key(['read'])}`;
    expect((await http.call('GET', '/v1/items/199999999999', undefined, { authorization })).status).to.equal(
      403,
    );
    const later = await http.call('GET', '/v1/items/199999999998?wait=0');
    expect(later.status).to.equal(202);
    expect(later.headers.get('location')).to.equal(`/v1/searches/${later.json.searchId}`);
  });
});
