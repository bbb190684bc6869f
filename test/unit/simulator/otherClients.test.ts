import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import EbayApi from 'ebay-api';
import { BASE_SCOPE, BULK_SCOPE, DEMO_CREDENTIALS } from '../../../src/simulator/tokens.ts';
import { useSimulator } from '../../support/simulator.ts';

/** It has no types. */
interface OauthClient {
  getApplicationToken(environment: string, scopes?: string[]): Promise<string>;
}
const EbayOauth = createRequire(import.meta.url)('ebay-oauth-nodejs-client') as new (
  options: object,
) => OauthClient;

const { clientId, clientSecret } = DEMO_CREDENTIALS;

/** Connections to eBay's host end at the simulator, which takes what they carry without TLS. */
class SimulatorAgent extends https.Agent {
  readonly #url: URL;

  constructor(url: string) {
    super({ keepAlive: false });
    this.#url = new URL(url);
  }

  override createConnection(options: https.RequestOptions): Duplex {
    expect(options.host).to.equal('api.ebay.com');
    return net.connect({ host: this.#url.hostname, port: Number(this.#url.port) });
  }
}

interface Listing {
  itemId: string;
  legacyItemId: string;
  title: string;
  itemGroupType?: string;
}

describe('clients of eBay’s API that others have written, as they are, with the simulator', () => {
  const simulator = useSimulator();
  const agentOfNode = https.globalAgent;
  const logged = () =>
    simulator()
      .controls.log()
      .map(({ kind, status }) => `${kind} ${status}`);

  beforeEach(() => {
    https.globalAgent = new SimulatorAgent(simulator().url);
  });
  afterEach(() => {
    https.globalAgent = agentOfNode;
  });

  describe('ebay-oauth-nodejs-client', () => {
    const client = () => new EbayOauth({ clientId, clientSecret, redirectUri: '-' });

    it('gets an application token that works', async () => {
      const answer = JSON.parse(await client().getApplicationToken('PRODUCTION'));
      expect(answer).to.include({ expires_in: 7200, token_type: 'Application Access Token' });
      const search = `${simulator().url}/buy/browse/v1/item_summary/search?q=usb`;
      const found = await fetch(search, { headers: { authorization: `Bearer ${answer.access_token}` } });
      expect(found.status).to.equal(200);
      await found.body?.cancel();
    });

    it('gets invalid_scope for two scopes, which it encodes twice', async () => {
      const answer = await client().getApplicationToken('PRODUCTION', [BASE_SCOPE, BULK_SCOPE]);
      expect(JSON.parse(answer)).to.include({ error: 'invalid_scope' });
    });
  });

  describe('ebay-api, for each of its Browse methods', () => {
    let ebay: EbayApi;
    let single: Listing;
    let grouped: Listing;
    const search = async (params: object): Promise<Listing[]> =>
      (await ebay.buy.browse.search(params as { q: string })).itemSummaries;

    beforeEach(async () => {
      ebay = new EbayApi({ appId: clientId, certId: clientSecret, sandbox: false });
      const found = await search({ q: 'case', limit: '200' });
      single = found.find(({ itemGroupType }) => itemGroupType === undefined) as Listing;
      grouped = found.find(({ itemGroupType }) => itemGroupType !== undefined) as Listing;
      simulator().controls.clearLog();
    });

    it('searches by words, with filters and by product', async () => {
      const filter = 'price:[5..20],priceCurrency:USD';
      expect(await search({ q: 'usb charger', filter, limit: '3' })).to.have.length(3);
      const [withEpid] = (await search({ q: 'usb charger', limit: '200' })).filter((item) => 'epid' in item);
      const { epid } = withEpid as Listing & { epid: string };
      expect((await search({ epid })).map(({ itemId }) => itemId)).to.include(withEpid?.itemId);
      expect(logged()).to.deep.equal(['search 200', 'search 200', 'search 200']);
    });

    it('reads an item by its id and by the number of its listing', async () => {
      expect(await ebay.buy.browse.getItem(single.itemId)).to.include({ title: single.title });
      const { legacyItemId } = single;
      const item = await ebay.buy.browse.getItemByLegacyId({ legacy_item_id: legacyItemId });
      expect(item).to.include({ itemId: single.itemId });
      expect(logged()).to.deep.equal(['item 200', 'legacy-item 200']);
    });

    it('reads every variation of a listing, whose number alone names none of them', async () => {
      const { legacyItemId, itemId } = grouped;
      const { items } = await ebay.buy.browse.getItemsByItemGroup(legacyItemId);
      expect(items.map((item: Listing) => item.itemId))
        .to.include(itemId)
        .and.have.length.above(1);
      const refused = await ebay.buy.browse
        .getItemByLegacyId({ legacy_item_id: legacyItemId })
        .catch((error: unknown) => error);
      expect(refused).to.be.an('error').with.nested.property('meta.errorId', 11006);
      expect(logged()).to.deep.equal(['item-group 200', 'legacy-item 400']);
    });

    it('searches by a picture', async () => {
      // The beginning of a PNG.
      const image = 'iVBORw0KGgo=';
      const { itemSummaries } = await ebay.buy.browse.searchByImage({ limit: '2' }, { image });
      expect(itemSummaries).to.have.length(2);
      expect(logged()).to.deep.equal(['image-search 200']);
    });

    it('checks whether a part fits a vehicle', async () => {
      const [part] = await search({ q: 'car seat cover', limit: '1' });
      const vehicle = { Year: '2018', Make: 'BMW', Model: '320i', Trim: 'Base', Engine: '2.0L' };
      const compatibilityProperties = Object.entries(vehicle).map(([name, value]) => ({ name, value }));
      const answer = await ebay.buy.browse.checkCompatibility(part?.itemId ?? '', {
        compatibilityProperties,
      });
      expect(answer.compatibilityStatus).to.match(/^(NOT_)?COMPATIBLE$/);
      expect(logged()).to.deep.equal(['search 200', 'compatibility 200']);
    });

    it('reads several items at once with a keyset that has the scope for it, and not without', async () => {
      const ask = (client: EbayApi) =>
        client.buy.browse.getItems({ item_ids: `${single.itemId},${grouped.itemId}` });
      const refused = await ask(ebay).catch((error: unknown) => error);
      expect(refused).to.be.an('error').with.nested.property('meta.errorId', 1100);
      simulator().controls.setCredential({
        clientId: 'bulk',
        clientSecret: 'keyset',
        scopes: [BASE_SCOPE, BULK_SCOPE],
      });
      const client = new EbayApi({
        appId: 'bulk',
        certId: 'keyset',
        sandbox: false,
        scope: [BASE_SCOPE, BULK_SCOPE],
      });
      const { items } = await ask(client);
      expect(items.map(({ itemId }: Listing) => itemId)).to.deep.equal([single.itemId, grouped.itemId]);
    });

    it('is refused by the paths of the shopping cart, which eBay has taken away', async () => {
      const refused = await ebay.buy.browse.getShoppingCart().catch((error: unknown) => error);
      expect(refused).to.be.an('error').with.nested.property('meta.errorId', 2002);
      expect(logged()).to.deep.equal(['other 404']);
    });
  });
});
