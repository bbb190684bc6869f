import { expect } from 'chai';
import fc from 'fast-check';
import { declarationProblems, nameProblem, type TenantDeclaration } from '../../../src/fleet/declaration.ts';

const KEYSET = { clientIdFile: '/run/secrets/id', clientSecretEnv: 'SHOP_SECRET' };
const linesOf = (declaration: unknown) =>
  declarationProblems({ shop: declaration }, 'tenants').map(({ name, message }) => `${name} ${message}`);

describe('a tenant’s declaration', () => {
  it('needs a reference to both halves of the keyset and nothing else', () => {
    expect(linesOf(KEYSET)).to.deep.equal([]);
    expect(linesOf({})).to.deep.equal([
      'tenants.shop.clientId needs either clientIdFile or clientIdEnv',
      'tenants.shop.clientSecret needs either clientSecretFile or clientSecretEnv',
    ]);
    expect(linesOf({ ...KEYSET, clientIdEnv: 'SHOP_ID' })).to.deep.equal([
      'tenants.shop.clientId needs either clientIdFile or clientIdEnv',
    ]);
    for (const variable of [true, ['SHOP_SECRET'], 'A-B'])
      expect(linesOf({ ...KEYSET, clientSecretEnv: variable }), String(variable)).to.deep.equal([
        'tenants.shop.clientSecretEnv must be the name of the environment variable that holds it',
      ]);
  });

  it('tells each value that a setting of the same kind would not take', () => {
    const wrong = { ...KEYSET, marketplace: 'EBAY_MARS', minApiCallInterval: -1, backfillShare: 2 };
    expect(linesOf(wrong)).to.have.length(3);
    expect(linesOf({ ...KEYSET, dailyCallLimit: 0.5 })[0]).to.match(
      /dailyCallLimit is 0.5, but must be a whole/,
    );
    expect(linesOf({ ...KEYSET, marketplaces: 'EBAY_DE' })[0]).to.include('did you mean marketplace?');
    expect(linesOf({ ...KEYSET, schedules: {} })[0]).to.include('must be a list');
  });

  it('has costs in the form of a request, and a campaign of digits', () => {
    const costs = { currency: 'EUR', exchangeRates: { USD: '0.92' }, markupPercent: 40 };
    expect(linesOf({ ...KEYSET, costs, affiliateCampaignId: '5338123456' })).to.deep.equal([]);
    expect(linesOf({ ...KEYSET, costs: { ...costs, handling: 'much', fees: 1 } })).to.have.length(2);
    expect(linesOf({ ...KEYSET, costs: { ...costs, resalePrice: 9 } })).to.deep.equal([
      'tenants.shop.costs.markupPercent give resalePrice or markupPercent, not both',
    ]);
    expect(linesOf({ ...KEYSET, costs: 'EUR' })[0]).to.match(/costs is "EUR", but must be a JSON object/);
    expect(linesOf({ ...KEYSET, affiliateCampaignId: 'mine' })[0]).to.include('digits');
  });

  it('never shows a secret that stands where its reference belongs', () => {
    const secret = 'SBX hush-hush';
    for (const field of ['clientSecret', 'clientId', 'clientSecretEnv', 'clientSecretFile']) {
      const written = {
        ...KEYSET,
        clientSecretEnv: undefined,
        [field]: field.endsWith('File') ? [secret] : secret,
      };
      const lines = linesOf(written);
      expect(lines, field).to.not.deep.equal([]);
      expect(lines.join(), field).to.not.include('hush');
    }
  });

  it('has a name of a-z, 0-9 and hyphen that is not the environment’s', () => {
    for (const name of ['shop-a', 'a', '0'.repeat(40)]) expect(nameProblem(name), name).to.equal(undefined);
    for (const name of ['default', '', 'Shop', 'a b', '0'.repeat(41), '../x', 'a\n'])
      expect(nameProblem(name), name).to.be.a('string');
  });

  it('may be anything without a crash', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(declarationProblems(value, 'tenants')).to.be.an('array');
        expect(declarationProblems({ shop: value as TenantDeclaration }, 'tenants')).to.not.deep.equal([]);
      }),
    );
  });
});
