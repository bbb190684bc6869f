import { expect } from 'chai';
import { unusedProxy } from '../../../src/app/doctor.ts';
import { testConfig } from '../../support/config.ts';

const URL_OF_A_PROXY = 'http://anna:c4n4ry@proxy.example:3128';

describe('a proxy that the environment names', () => {
  const findings = (env: Record<string, string>, settings: Record<string, string> = {}) =>
    unusedProxy(testConfig({ EBAY_ENVIRONMENT: 'production', ...settings }).ebay, env);

  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'])
    it(`by ${name} is a warning while EBAY_PROXY_URL is not set, without its URL`, () => {
      const [finding, ...more] = findings({ [name]: URL_OF_A_PROXY });
      expect(more).to.deep.equal([]);
      expect(finding).to.deep.equal({
        check: 'proxy',
        state: 'warn',
        message: `the environment names a proxy (${name}), but requests to eBay do not use it`,
        remedy: 'set EBAY_PROXY_URL to it if eBay is reached through it only',
      });
    });

  it('is nothing to say where EBAY_PROXY_URL is set, or where there is none', () => {
    const settings = { EBAY_PROXY_URL: 'http://proxy:3128' };
    expect(findings({ HTTPS_PROXY: URL_OF_A_PROXY }, settings)).to.deep.equal([]);
    expect(findings({ HTTPS_PROXY: '', NO_PROXY: '' })).to.deep.equal([]);
  });

  for (const [list, isExcepted] of [
    ['*', true],
    ['api.ebay.com', true],
    ['localhost, .ebay.com', true],
    ['*.ebay.com:443', true],
    ['ebay.com', true],
    ['bay.com', false],
    ['localhost,127.0.0.1', false],
    ['', false],
  ] as const)
    it(`is ${isExcepted ? 'not' : 'still'} a warning with NO_PROXY=${list}`, () => {
      for (const name of ['NO_PROXY', 'no_proxy'])
        expect(findings({ HTTPS_PROXY: URL_OF_A_PROXY, [name]: list })).to.have.length(isExcepted ? 0 : 1);
    });
});
