import { expect } from 'chai';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

interface Money {
  value: string;
  currency: string;
}

interface Item {
  itemId: string;
  legacyItemId: string;
  title: string;
  itemWebUrl: string;
  itemGroupHref?: string;
  sellerItemRevision: string;
  image?: { imageUrl: string };
  price?: Money;
  shippingOptions?: {
    shippingCost: Money;
    additionalShippingCostPerUnit: Money;
    quantityUsedForEstimate: number;
  }[];
}

interface Answer extends Item {
  itemSummaries: Item[];
  href: string;
  next?: string;
  total: number;
  items: Item[];
  commonDescriptions: { description: string; itemIds: string[] }[];
  compatibilityStatus: string;
  warnings?: { errorId: number }[];
  errors?: { errorId: number; parameters?: { name: string; value: string }[] }[];
}

const ITEM = '/buy/browse/v1/item';
const BY_LEGACY_ID = `${ITEM}/get_item_by_legacy_id`;
const BY_GROUP = `${ITEM}/get_items_by_item_group`;
const IMAGE = '/buy/browse/v1/item_summary/search_by_image';
const ofItem = (id: string, rest = '') => `${ITEM}/${encodeURIComponent(id)}${rest}`;
/** The body is JSON, and comes with the status. */
type Asked = { status: number; body: Answer };

describe("the simulator's calls for items", () => {
  const simulator = useSimulator();
  let token: string;
  let single: Item;
  let grouped: Item;
  const ask = async (path: string, headers: Record<string, string> = {}): Promise<Asked> => {
    const response = await get(simulator().url, path, token, headers);
    return { status: response.status, body: (await response.json()) as Answer };
  };
  const post = async (path: string, sent: unknown, headers: Record<string, string> = {}): Promise<Asked> => {
    const response = await fetch(`${simulator().url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: typeof sent === 'string' ? sent : JSON.stringify(sent),
    });
    return { status: response.status, body: (await response.json()) as Answer };
  };
  const expectRefusal = ({ status, body }: Asked, expected: number, errorId: number) =>
    expect([status, body.errors?.map((error) => error.errorId)]).to.deep.equal([expected, [errorId]]);
  before(async () => {
    token = await mintToken(simulator().url);
    const { body } = await ask(`${SEARCH}?q=yoga+mat&limit=200`);
    single = body.itemSummaries.find((item) => item.itemGroupHref === undefined) as Item;
    grouped = body.itemSummaries.find((item) => item.itemGroupHref !== undefined) as Item;
  });

  it('COMPACT answers what a stored item is compared by and nothing else', async () => {
    const { body } = await ask(ofItem(single.itemId, '?fieldgroups=COMPACT'));
    expect(body).to.include.keys('itemId', 'price', 'sellerItemRevision', 'estimatedAvailabilities');
    expect(body).to.not.have.any.keys(
      'title',
      'image',
      'seller',
      'localizedAspects',
      'description',
      'condition',
    );
    const both = await ask(ofItem(single.itemId, '?fieldgroups=COMPACT,PRODUCT'));
    expectRefusal(both, 400, 11018);
  });

  it('the revision rises when the seller changes the price, not with the stock', async () => {
    const revision = async () => Number((await ask(ofItem(single.itemId))).body.sellerItemRevision);
    const first = await revision();
    simulator().controls.changeListing(single.itemId, { stock: 3 });
    expect(await revision()).to.equal(first);
    simulator().controls.changeListing(single.itemId, { price: '12.34' });
    expect(await revision()).to.equal(first + 1);
  });

  it('shipping is estimated for the quantity that is asked for', async () => {
    const { body: page } = await ask(`${SEARCH}?q=yoga+mat&limit=200`);
    const paid = page.itemSummaries.find(
      ({ shippingOptions: [option] = [] }) => Number(option?.shippingCost?.value) > 0,
    ) as Item;
    const [one] = (await ask(ofItem(paid.itemId))).body.shippingOptions ?? [];
    const path = ofItem(paid.itemId, '?quantity_for_shipping_estimate=3');
    const [three] = (await ask(path)).body.shippingOptions ?? [];
    expect([one?.quantityUsedForEstimate, three?.quantityUsedForEstimate]).to.deep.equal([1, 3]);
    const more = 2 * Number(one?.additionalShippingCostPerUnit.value);
    expect(Number(three?.shippingCost.value)).to.be.closeTo(Number(one?.shippingCost.value) + more, 0.001);
    for (const quantity of ['0', '-1', 'two', '']) {
      const refused = await ask(ofItem(paid.itemId, `?quantity_for_shipping_estimate=${quantity}`));
      expectRefusal(refused, 400, 11019);
    }
  });

  it('an item is found by its number, one of several variations by the number of the variation too', async () => {
    const found = await ask(`${BY_LEGACY_ID}?legacy_item_id=${single.legacyItemId}`);
    expect(found.body).to.deep.equal((await ask(ofItem(single.itemId))).body);
    const path = `${BY_LEGACY_ID}?legacy_item_id=${grouped.legacyItemId}`;
    const group = await ask(path);
    expectRefusal(group, 400, 11006);
    expect(group.body.errors?.[0]?.parameters).to.deep.equal([
      { name: 'itemGroupHref', value: grouped.itemGroupHref },
    ]);
    const [, , variation] = grouped.itemId.split('|');
    const { body } = await ask(`${path}&legacy_variation_id=${variation}`);
    expect(body).to.include({ itemId: grouped.itemId });
    expectRefusal(await ask(`${path}&legacy_variation_id=${variation}&legacy_variation_sku=A`), 400, 11010);
    expectRefusal(await ask(`${path}&legacy_variation_sku=A`), 400, 11009);
    expectRefusal(await ask(`${path}&legacy_variation_id=1`), 404, 11003);
    expectRefusal(await ask(`${BY_LEGACY_ID}?legacy_item_id=123456789012`), 404, 11003);
    expectRefusal(await ask(`${path}&fieldgroups=COMPACT`), 400, 11501);
  });

  it("the address of a search's item group answers every variation, each an item of its own", async () => {
    const { status, body } = await ask(
      new URL(grouped.itemGroupHref ?? '').pathname.concat(`?item_group_id=${grouped.legacyItemId}`),
    );
    expect(status).to.equal(200);
    const ids = body.items.map(({ itemId }) => itemId);
    expect(ids[0]).to.equal(grouped.itemId);
    expect(new Set(ids).size).to.equal(ids.length).and.above(1);
    expect(body.commonDescriptions.flatMap(({ itemIds }) => itemIds)).to.deep.equal(ids);
    for (const item of body.items) {
      expect(item).to.not.have.any.keys('description');
      const alone = (await ask(ofItem(item.itemId))).body as unknown as Record<string, unknown>;
      expect({ ...alone, description: undefined }).to.deep.equal({ ...item, description: undefined });
    }
    const one = await ask(`${BY_GROUP}?item_group_id=${single.legacyItemId}`);
    expectRefusal(one, 400, 11005);
    expect(one.body.errors?.[0]?.parameters?.[0]?.value).to.include(encodeURIComponent(single.itemId));
    expectRefusal(await ask(`${BY_GROUP}?item_group_id=123456789012`), 404, 11002);
    expectRefusal(
      await ask(`${BY_GROUP}?item_group_id=${grouped.legacyItemId}&fieldgroups=PRODUCT`),
      400,
      11501,
    );
  });

  it('a marketplace without these calls is refused', async () => {
    const headers = { 'x-ebay-c-marketplace-id': 'EBAY_JP' };
    expectRefusal(await ask(ofItem(single.itemId), headers), 400, 11011);
  });

  it("a picture of the simulator finds the kind of product that it shows, page by page in eBay's order", async () => {
    const image = Buffer.from(await (await fetch(single.image?.imageUrl ?? '')).text()).toString('base64');
    const { body } = await post(`${IMAGE}?limit=20&sort=price`, { image });
    const shown = (await ask(`${SEARCH}?q=yoga+mat&limit=20`)).body;
    expect(body.itemSummaries).to.deep.equal(shown.itemSummaries);
    expect(body.total).to.equal(shown.total);
    const next = new URL(body.next ?? '');
    expect([next.pathname, next.searchParams.get('offset')]).to.deep.equal([IMAGE, '20']);
    const second = await post(`${next.pathname}${next.search}`, { image });
    expect(second.body.itemSummaries[0]?.itemId).to.not.equal(body.itemSummaries[0]?.itemId);
    const other = await post(IMAGE, { image: 'iVBORw0KGgo=' });
    expect(other.body.itemSummaries).to.have.length(50);
  });

  it('a picture that is none is refused, and a site without the search by image', async () => {
    const text = btoa('a text is no picture');
    for (const sent of [{}, { image: '' }, { image: 'no base64!' }, { image: text }, 'no JSON', ''])
      expectRefusal(await post(IMAGE, sent), 400, 12501);
    const headers = { 'x-ebay-c-marketplace-id': 'EBAY_FR' };
    expectRefusal(await post(IMAGE, { image: 'iVBORw0KGgo=' }, headers), 409, 12019);
    expectRefusal(await post(`${IMAGE}?limit=500`, { image: 'iVBORw0KGgo=' }), 400, 12006);
  });

  it('the fit of a part depends on the vehicle, and is not known without all of its properties', async () => {
    const parts = (await ask(`${SEARCH}?q=car+seat+cover&limit=20`)).body.itemSummaries;
    const check = (item: Item, vehicle: [string, string][]) => {
      const compatibilityProperties = vehicle.map(([name, value]) => ({ name, value }));
      return post(ofItem(item.itemId, '/check_compatibility'), { compatibilityProperties });
    };
    const car: [string, string][] = [
      ['Year', '2018'],
      ['Make', 'BMW'],
      ['Model', '320i'],
      ['Trim', 'Base'],
      ['Engine', '2.0L'],
    ];
    const statuses = await Promise.all(
      parts.map(async (part) => (await check(part, car)).body.compatibilityStatus),
    );
    expect([...new Set(statuses)]).to.have.members(['COMPATIBLE', 'NOT_COMPATIBLE']);
    const [part] = parts as [Item];
    const partly = await check(part, car.slice(0, 3));
    expect(partly.body.compatibilityStatus).to.equal('UNDETERMINED');
    expect(partly.body.warnings?.map(({ errorId }) => errorId)).to.deep.equal([11504]);
    expectRefusal(await check(part, []), 400, 11503);
    expectRefusal(await check(part, [['Year', '']]), 400, 11503);
    expectRefusal(await post(ofItem(part.itemId, '/check_compatibility'), 'null'), 400, 11503);
    expectRefusal(await check(part, [...car, ['Year', '2019']]), 400, 11506);
    expectRefusal(await check(part, [...car, ['Colour', 'red']]), 400, 11507);
    expectRefusal(await check(single, car), 400, 11505);
    expectRefusal(await check({ ...part, itemId: 'v1|123456789012|0' }, car), 404, 11001);
  });

  it('each of these calls needs a token, counts against the one quota, and is met by faults', async () => {
    const { used } = simulator().controls.quota();
    const all = () => [
      ask(`${BY_LEGACY_ID}?legacy_item_id=${single.legacyItemId}`),
      ask(`${BY_GROUP}?item_group_id=${grouped.legacyItemId}`),
      post(IMAGE, { image: 'iVBORw0KGgo=' }),
      post(ofItem(single.itemId, '/check_compatibility'), {}),
    ];
    await Promise.all(all());
    expect(simulator().controls.quota().used).to.equal(used + 4);
    simulator().controls.arm({ fault: 'status', status: 503 });
    expect((await Promise.all(all())).map(({ status }) => status)).to.deep.equal([503, 503, 503, 503]);
    simulator().controls.clear();
    const bare = await fetch(`${simulator().url}${BY_GROUP}?item_group_id=1`);
    expect(bare.status).to.equal(403);
    const kinds = simulator()
      .controls.log()
      .map(({ kind }) => kind);
    expect(new Set(kinds)).to.include.all.keys('legacy-item', 'item-group', 'image-search', 'compatibility');
  });
});
