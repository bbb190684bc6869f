import { expect } from 'chai';
import { shownSettings } from '../../../src/cli/config.ts';
import { settings } from '../../../src/config/schema.ts';
import { testConfig } from '../../support/config.ts';

describe('dpf config', () => {
  const config = testConfig({
    REDIS_URL: 'rediss://anna:hush-hush@redis.example:6380/2',
    EBAY_CLIENT_SECRET: 'hush-hush',
    EBAY_PROXY_URL: 'http://anna:hush-hush@proxy.example:3128',
    TOKEN_ENCRYPTION_KEYS: `new:${Buffer.from('hush-hush, all thirty-two of them').subarray(0, 32).toString('base64')}`,
    MIN_API_CALL_INTERVAL: '0.5',
  });
  const shown = new Map(shownSettings(config).map((setting) => [setting.variable, setting]));

  it('shows every setting with value, default and meaning', () => {
    expect([...shown.keys()]).to.deep.equal(settings().map(({ env }) => env));
    expect(shown.get('MIN_API_CALL_INTERVAL')).to.include({ value: 0.5, default: 1, changed: true });
  });

  it('masks secrets, and of a URL only user and password', () => {
    expect(JSON.stringify([...shown.values()]))
      .to.not.contain('hush-hush')
      .and.not.contain('anna');
    expect(shown.get('EBAY_CLIENT_SECRET')?.value).to.equal('***');
    expect(shown.get('REDIS_URL')?.value).to.equal('rediss://***@redis.example:6380/2');
    expect(shown.get('EBAY_PROXY_URL')?.value).to.equal('http://***@proxy.example:3128/');
    expect(shown.get('EBAY_CLIENT_ID')?.value).to.equal('');
    expect(shown.get('TOKEN_ENCRYPTION_KEYS')?.value).to.equal('***');
  });
});
