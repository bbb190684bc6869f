import { expect } from 'chai';
import { secretsOf } from '../../../src/config/secrets.ts';
import { testConfig } from '../../support/config.ts';
import { linesOf } from './problems.ts';

const CANARY = 'c4n4ry';

describe('EBAY_PROXY_URL', () => {
  for (const url of [
    'http://proxy:3128',
    'https://proxy.example/',
    `http://user:${CANARY}@10.0.0.1:8080`,
    `http://user:p%40${CANARY}@[::1]:3128`,
    `http://${CANARY}@proxy`,
  ])
    it(`may be ${url}`, () => {
      expect(testConfig({ EBAY_PROXY_URL: url }).ebay.proxyUrl).to.equal(url);
    });

  for (const url of [
    `proxy:3128`,
    `user:${CANARY}@proxy:3128`,
    `socks5://user:${CANARY}@proxy:1080`,
    `http://user:${CANARY}@proxy:3128/path`,
    `http://user:${CANARY}@proxy:3128?x=1`,
    `http://user:${CANARY}@:3128`,
  ])
    it(`is refused as ${url.replace(CANARY, '…')}, without being shown`, () => {
      const lines = linesOf({ env: { EBAY_PROXY_URL: url } });
      expect(lines).to.deep.equal([
        'EBAY_PROXY_URL holds something else, but must be an http or https URL such as http://user:password@proxy:3128, its password percent-encoded',
      ]);
    });

  it('has secrets that are masked as written and decoded: the password, or the user where that is all', () => {
    const secrets = (url: string) => secretsOf(testConfig({ EBAY_PROXY_URL: url }));
    expect(secrets('http://anna:p%40ss-word@proxy.example:3128')).to.include.members([
      'p%40ss-word',
      'p@ss-word',
    ]);
    expect(secrets('http://key%2Fof-access@proxy.example:3128')).to.include.members([
      'key%2Fof-access',
      'key/of-access',
    ]);
    expect(secrets('http://anna:p%40ss-word@proxy.example:3128').join(' ')).to.not.match(/proxy|anna/);
    expect(secrets('http://proxy.example:3128').join(' ')).to.not.include('proxy');
  });
});
