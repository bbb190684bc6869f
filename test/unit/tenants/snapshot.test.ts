import { expect } from 'chai';
import { ConfigError } from '../../../src/config/config.ts';
import type { FleetDocument } from '../../../src/fleet/fleetStore.ts';
import { producerConfig, snapshotOf } from '../../../src/fleet/snapshot.ts';
import { testConfig } from '../../support/config.ts';

const ENV = { EBAY_CLIENT_ID: 'Own-SBX-1', EBAY_CLIENT_SECRET: 'SBX-own' };
const KEYSET = { clientIdEnv: 'SHOP_ID', clientSecretEnv: 'SHOP_SECRET' };
const SECRETS = { SHOP_ID: 'Shop-SBX-1', SHOP_SECRET: 'SBX-shop' };

describe('a version of the configuration', () => {
  const snapshot = (document: Partial<FleetDocument>, env: Record<string, string> = {}) =>
    snapshotOf(
      { version: 7, document: { added: {}, ...document } },
      { config: testConfig({ ...ENV, ...env }), env: { ...ENV, ...SECRETS, ...env } },
    );
  const problemsOf = (document: Partial<FleetDocument>) => {
    try {
      snapshot(document);
    } catch (error) {
      if (error instanceof ConfigError)
        return error.problems.map(({ name, message }) => `${name} ${message}`);
      throw error;
    }
    throw new Error('accepted');
  };
  const settings = (value: object) => ({ settings: { at: 1, value: value as never } });

  it('changes what can change, and takes the default back where nothing is said', () => {
    const { config, version } = snapshot(settings({ pace: { minApiCallInterval: 2 } }));
    expect(version).to.equal(7);
    expect(config.pace.minApiCallInterval).to.equal(2);
    expect(config.pace.dailyCallLimit).to.equal(5000);
    expect(Object.isFrozen(config.pace)).to.equal(true);
  });

  it('gives a tenant neither the costs nor the campaign of another', () => {
    const costs = { currency: 'EUR', handling: 2 };
    const env = { COSTS: JSON.stringify({ currency: 'USD' }), EBAY_AFFILIATE_CAMPAIGN_ID: '53' };
    const declared = { plain: KEYSET, own: { ...KEYSET, costs, affiliateCampaignId: '54' } };
    const { tenants } = snapshot({ tenants: { at: 1, value: declared } }, env);
    const ownOf = (name: string) => {
      const { ebay, search } = tenants.get(name)?.config ?? testConfig();
      return [search.costs, ebay.affiliateCampaignId];
    };
    expect(ownOf('default')).to.deep.equal([{ currency: 'USD' }, '53']);
    expect(ownOf('plain')).to.deep.equal(['', '']);
    expect(ownOf('own')).to.deep.equal([costs, '54']);
  });

  it('has no tenant that is not declared, whatever its name', () => {
    const document = { added: { shop: KEYSET } };
    expect(producerConfig(document, 'shop', testConfig())).to.be.an('object');
    for (const name of ['other', 'constructor', 'valueof', '__proto__'])
      expect(() => producerConfig(document, name, testConfig()), name).to.throw('no tenant');
  });

  it('names what is wrong with the costs of the settings', () => {
    expect(problemsOf(settings({ search: { costs: { currency: 'EUR', handling: -1 } } }))[0]).to.match(
      /^COSTS\.handling must be a number or decimal string/,
    );
    expect(problemsOf(settings({ search: { costs: 'EUR' } }))[0]).to.include('must be a JSON object');
  });

  it('is refused where no search without a marketplace could meet the costs of its tenant', () => {
    const costs = { currency: 'USD', resalePrice: 30, minMarginPercent: 20 };
    const declared = { shop: { ...KEYSET, marketplace: 'EBAY_DE', costs }, other: { ...KEYSET, costs } };
    expect(problemsOf({ tenants: { at: 1, value: declared } })).to.deep.equal([
      "tenants.shop.costs.exchangeRates needs EUR, the prices' currency, for costs.minMarginPercent",
    ]);
    expect(problemsOf(settings({ search: { costs }, ebay: { marketplace: 'EBAY_GB' } }))[0]).to.match(
      /^COSTS.exchangeRates needs GBP/,
    );
  });

  it('leaves to the environment what that says', () => {
    const { config } = snapshot(settings({ pace: { minApiCallInterval: 2 } }), {
      MIN_API_CALL_INTERVAL: '3',
    });
    expect(config.pace.minApiCallInterval).to.equal(3);
  });

  it('is refused as a whole, with everything that is wrong', () => {
    expect(
      problemsOf({
        ...settings({ pace: { minApiCallInterval: 'x', backfillShare: 0.5 }, log: { level: 'loud' } }),
        tenants: { at: 1, value: { Shop: KEYSET, default: KEYSET } },
      }),
    ).to.have.length(4);
    expect(problemsOf(settings({ pace: { backfillShare: 0.95 } }))[0]).to.include('must not exceed');
    const unequal = { shop: { ...KEYSET, backfillShare: 0.8, scheduledShare: 0.4 } };
    expect(problemsOf({ tenants: { at: 1, value: unequal } })[0]).to.match(/^tenants.shop BACKFILL_SHARE/);
    const schedules = [{ name: 'twice a day', every: 3600, request: { query: 'x' } }];
    expect(problemsOf({ schedules: { at: 1, value: schedules } })[0]).to.match(/^schedules.0.name/);
    const wrong = { shop: { ...KEYSET, schedules: [{ name: 'x', every: 1, request: { query: 'x' } }] } };
    expect(problemsOf({ tenants: { at: 1, value: wrong } })[0]).to.match(/^tenants.shop.schedules.0.every/);
  });

  it('gives each tenant its keyset and its own values, else those of the process', () => {
    const shop = { ...KEYSET, marketplace: 'EBAY_DE', minApiCallInterval: 0.5, concurrency: 3 };
    const { tenants } = snapshot({
      ...settings({ pace: { dailyCallLimit: 900 } }),
      tenants: { at: 1, value: { shop } },
    });
    const tenant = tenants.get('shop');
    expect(tenant?.unavailableReason).to.equal(undefined);
    expect(tenant?.config.ebay).to.include({
      clientId: 'Shop-SBX-1',
      clientSecret: 'SBX-shop',
      marketplace: 'EBAY_DE',
    });
    expect(tenant?.config.pace).to.include({ minApiCallInterval: 0.5, dailyCallLimit: 900 });
    expect(tenant?.config.worker.concurrency).to.equal(3);
    expect(tenants.get('default')?.config.ebay.clientId).to.equal('Own-SBX-1');
  });

  it('says why a tenant is unavailable, and nothing of the secret, where its keyset cannot be read here', () => {
    const missing = { clientIdEnv: 'NOT_SET', clientSecretFile: '/nowhere/secret' };
    const { tenants } = snapshot({ added: { shop: missing, other: KEYSET } });
    expect(tenants.get('shop')?.unavailableReason).to.equal('clientIdEnv NOT_SET is not set');
    expect(tenants.get('shop')?.config.ebay).to.include({ clientId: '', clientSecret: '' });
    expect(tenants.get('other')?.unavailableReason).to.equal(undefined);
  });
});
