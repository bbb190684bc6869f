import { expect } from 'chai';
import { apiOrigin, credentialProblems, tokenUrl } from '../../../src/config/checks.ts';
import { testConfig } from '../../support/config.ts';
import { linesOf } from './problems.ts';

describe('settings that must fit together', () => {
  const misfits: Array<[env: Record<string, string>, line: RegExp]> = [
    [{ WORKER_LOCK_DURATION: '9' }, /^WORKER_LOCK_DURATION is 9 s, .*EBAY_CALL_TIMEOUT.* 10 s/],
    [{ EBAY_CALL_TIMEOUT: '30', WORKER_LOCK_DURATION: '40' }, /^SHUTDOWN_GRACE is 20 s, .* 30 s/],
    [{ TOKEN_LOCK_TIME: '9.9' }, /^TOKEN_LOCK_TIME is 9\.9 s, .*TOKEN_REQUEST_TIMEOUT/],
    [
      { REDIS_SOCKET_TIMEOUT: '5' },
      /^REDIS_SOCKET_TIMEOUT is 5 s, .*longer than WORKER_BLOCKING_READ \(5 s\)/,
    ],
    [{ BACKFILL_SHARE: '0.95' }, /^BACKFILL_SHARE is 0\.95, .*SCHEDULED_SHARE \(0\.9\)/],
    [
      { EBAY_API_URL: 'http://simulator:4010' },
      /^EBAY_API_URL is http:\/\/simulator:4010, .*EBAY_ALLOW_HTTP/,
    ],
    [{ EBAY_TOKEN_URL: 'http://10.0.0.1/token' }, /^EBAY_TOKEN_URL /],
    [
      { EBAY_BULK_ITEMS: 'true' },
      /^EBAY_BULK_ITEMS is true, but EBAY_SCOPES lacks https:\/\/api\.ebay\.com\/oauth\/api_scope\/buy\.item\.bulk: /,
    ],
  ];
  for (const [env, line] of misfits)
    it(`refuses ${Object.entries(env).join(' with ').replaceAll(',', '=')}`, () => {
      const lines = linesOf({ env });
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(line);
    });

  it('are told all at once', () => {
    expect(linesOf({ env: { WORKER_LOCK_DURATION: '1', SHUTDOWN_GRACE: '1' } })).to.have.length(2);
  });

  it('let several items share a call where the keyset asks for the scope', () => {
    const scopes = 'https://api.ebay.com/oauth/api_scope https://api.ebay.com/oauth/api_scope/buy.item.bulk';
    expect(testConfig({ EBAY_BULK_ITEMS: 'true', EBAY_SCOPES: scopes }).ebay.bulkItems).to.equal(true);
  });

  it('allow plain http on loopback, and elsewhere when that is wanted', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '[::1]'])
      expect(testConfig({ EBAY_API_URL: `http://${host}:4010` }).ebay.apiUrl).to.include(host);
    expect(testConfig({ EBAY_API_URL: 'http://simulator:4010', EBAY_ALLOW_HTTP: 'true' })).to.be.an('object');
    expect(linesOf({ env: { EBAY_API_URL: 'http://127.0.0.1.example.com' } })).to.have.length(1);
  });
});

describe('the addresses of eBay', () => {
  it('come from the environment of the keyset (behaviour 48)', () => {
    const { ebay: sandbox } = testConfig();
    const { ebay: production } = testConfig({ EBAY_ENVIRONMENT: 'production' });
    expect(tokenUrl(sandbox)).to.equal('https://api.sandbox.ebay.com/identity/v1/oauth2/token');
    expect(apiOrigin(sandbox)).to.equal('https://api.sandbox.ebay.com');
    expect(tokenUrl(production)).to.equal('https://api.ebay.com/identity/v1/oauth2/token');
    expect(apiOrigin(production)).to.equal('https://api.ebay.com');
  });

  it('are the given ones where there are any', () => {
    const { ebay } = testConfig({
      EBAY_TOKEN_URL: 'http://localhost:4010/t',
      EBAY_API_URL: 'http://localhost:4010/',
    });
    expect(tokenUrl(ebay)).to.equal('http://localhost:4010/t');
    expect(apiOrigin(ebay)).to.equal('http://localhost:4010');
  });
});

describe('a keyset', () => {
  const problems = (env: Record<string, string>) =>
    credentialProblems(testConfig(env)).map(({ name, message }) => `${name} ${message}`);

  it('is told to be missing, variable by variable', () => {
    expect(problems({}).join('\n')).to.match(/^EBAY_CLIENT_ID is not set.*\nEBAY_CLIENT_SECRET is not set/);
    expect(problems({ EBAY_CLIENT_ID: 'app', EBAY_CLIENT_SECRET: ' \n' })).to.have.length(1);
  });

  it('is not a placeholder', () => {
    for (const value of ['your-client-id', 'changeme', 'CHANGE_ME', 'xxx', '<client id>', 'TODO', 'example'])
      expect(problems({ EBAY_CLIENT_ID: value, EBAY_CLIENT_SECRET: value }), value).to.have.length(2);
  });

  it('of the sandbox is refused for production, and the other way round', () => {
    const secret = { EBAY_CLIENT_SECRET: 'SBX-0123456789ab' };
    const sandbox = { ...secret, EBAY_CLIENT_ID: 'Someone-finder-SBX-0a1b2c3d4-5e6f7a8b' };
    const production = { ...secret, EBAY_CLIENT_ID: 'Someone-finder-PRD-0a1b2c3d4-5e6f7a8b' };
    expect(problems(sandbox)).to.deep.equal([]);
    expect(problems({ ...sandbox, EBAY_ENVIRONMENT: 'production' })).to.deep.equal([
      'EBAY_ENVIRONMENT is production, but EBAY_CLIENT_ID is a sandbox id',
    ]);
    expect(problems(production)).to.deep.equal([
      'EBAY_ENVIRONMENT is sandbox, but EBAY_CLIENT_ID is a production id',
    ]);
    expect(problems({ ...production, EBAY_TOKEN_URL: 'http://localhost:4010/t' })).to.deep.equal([]);
  });
});
