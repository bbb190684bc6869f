import { once } from 'node:events';
import { expect } from 'chai';
import { ConfigError } from '../../../src/config/config.ts';
import { loadConfig, withSettings } from '../../../src/config/load.ts';
import { settings } from '../../../src/config/schema.ts';
import { testConfig } from '../../support/config.ts';
import { linesOf } from './problems.ts';

describe('the configuration from the environment', () => {
  it('has the defaults of the schema when nothing is set', () => {
    const config = testConfig();
    for (const { path, default: usual } of settings()) {
      const [group, name] = path.split('.') as [string, string];
      expect((config as unknown as Record<string, Record<string, unknown>>)[group]?.[name], path).to.equal(
        usual,
      );
    }
  });

  it('gives every setting a variable of its own, a meaning and a default that its format accepts', () => {
    const variables = settings().map(({ env }) => env);
    expect(new Set(variables).size).to.equal(variables.length);
    for (const { env, doc } of settings()) {
      expect(env).to.match(/^[A-Z][A-Z0-9_]+$/);
      expect(doc, env).to.match(/^[^\n|]{10,}[^.]$/);
    }
  });

  it('reads numbers, decimals, flags and words', () => {
    const { pace, ebay, worker, log } = testConfig({
      MIN_API_CALL_INTERVAL: '0.2',
      EBAY_ALLOW_HTTP: 'true',
      EBAY_ENVIRONMENT: 'production',
      WORKER_CONCURRENCY: ' 3 ',
      LOG_LEVELS: 'auth=debug,collector=warn',
    });
    expect(pace.minApiCallInterval).to.equal(0.2);
    expect(ebay.allowHttp).to.equal(true);
    expect(ebay.environment).to.equal('production');
    expect(worker.concurrency).to.equal(3);
    expect(log.levels).to.equal('auth=debug,collector=warn');
  });

  it('takes a variable that is set but blank as not set', () => {
    expect(testConfig({ DAILY_CALL_LIMIT: '', REDIS_URL: ' \n' })).to.deep.equal(testConfig());
  });

  it('trims the newline that a secret read from a file ends with', () => {
    expect(testConfig({ EBAY_CLIENT_SECRET: 'PRD-0123\n' }).ebay.clientSecret).to.equal('PRD-0123');
  });

  it('is frozen throughout', () => {
    const config = testConfig();
    expect(Object.isFrozen(config)).to.equal(true);
    expect(() => {
      (config.ebay as { environment: string }).environment = 'production';
    }).to.throw(TypeError);
  });

  it('is read from the process where no source is given', () => {
    process.env.RETAINED_SEARCHES = '77';
    try {
      expect(loadConfig({ files: [] }).search.retained).to.equal(77);
    } finally {
      delete process.env.RETAINED_SEARCHES;
    }
  });

  it('tells all mistakes at once, each with variable, value and what is allowed', () => {
    const env = {
      WORKER_CONCURRENCY: '0',
      MIN_API_CALL_INTERVAL: '-1',
      EBAY_MARKETPLACE: 'EBAY_UK',
      EBAY_ENVIRONMENT: 'live',
      HTTP_PORT: '70000',
      LOG_LEVELS: 'auth:debug',
      EBAY_ALLOW_HTTP: 'yes',
    };
    const lines = linesOf({ env });
    expect(lines).to.have.length(Object.keys(env).length);
    expect(lines.join('\n'))
      .to.include('WORKER_CONCURRENCY is 0, but must be a whole number from 1 to 1000')
      .and.include('MIN_API_CALL_INTERVAL is -1, but must be a number of seconds from 0 to one week')
      .and.include('EBAY_MARKETPLACE is "EBAY_UK", but must be one of EBAY_AT')
      .and.include('EBAY_ENVIRONMENT is "live", but must be `sandbox` or `production`')
      .and.include('HTTP_PORT is 70000')
      .and.include('LOG_LEVELS is "auth:debug"')
      .and.include('EBAY_ALLOW_HTTP is "yes", but must be `true` or `false`');
    expect(() => loadConfig({ env, files: [] })).to.throw(ConfigError, lines.join('\n'));
  });

  const refused: Array<[variable: string, values: string[]]> = [
    ['DAILY_CALL_LIMIT', ['0', '1.5', 'many', 'Infinity', '0x10', '5,000']],
    ['WORKER_LOCK_DURATION', ['0', '-1', '604801', 'NaN', '1h']],
    ['BACKFILL_SHARE', ['1.1', '-0.1', '70%']],
    ['QUEUE_PREFIX', ['ebay', '{e:bay}', '{e bay}', '{}']],
    ['METRICS_PORT', ['65536', '-1', 'any', '80.5']],
    ['EBAY_API_URL', ['https://api.ebay.com/buy', 'ftp://api.ebay.com', 'api.ebay.com', 'https://a:b@host']],
    ['EBAY_TOKEN_URL', ['/oauth2/token', 'https://user:pass@host/token']],
    ['EBAY_SCOPES', ['base', 'https://api.ebay.com/oauth/api_scope,https://api.ebay.com/x y']],
    ['LOG_FORMAT', ['xml']],
    ['HTTP_HOST', ['a host', 'http://localhost']],
  ];
  for (const [variable, values] of refused)
    it(`refuses ${variable} ${values.join(' and ')}`, () => {
      for (const value of values) {
        const [line, ...others] = linesOf({ env: { [variable]: value } });
        expect(others, value).to.deep.equal([]);
        expect(line, value).to.match(new RegExp(`^${variable} .*must be `));
      }
    });
});

describe('a deprecated variable', () => {
  const read = (env: Record<string, string>) => {
    const lines: string[] = [];
    const config = loadConfig({ env, files: [], warn: (line) => lines.push(line) });
    return { config, lines };
  };

  it('still sets its setting, with one warning line that names the new one', () => {
    for (const { env, deprecatedEnv, group, name } of settings()) {
      if (deprecatedEnv === undefined) continue;
      const { config, lines } = read({ [deprecatedEnv]: '0.77' });
      const values = config as unknown as Record<string, Record<string, unknown>>;
      expect(values[group]?.[name], deprecatedEnv).to.equal(0.77);
      expect(lines).to.deep.equal([`${deprecatedEnv} is deprecated: use ${env}`]);
    }
  });

  it('is ignored where the new one is set too, and the warning says so', () => {
    const { config, lines } = read({ MEMORY_SHARE: '0.5', MEMORY_LIMIT_RATIO: '0.6' });
    expect(config.memory.share).to.equal(0.6);
    expect(lines).to.deep.equal([
      'MEMORY_SHARE is deprecated and ignored, because MEMORY_LIMIT_RATIO is set: remove it',
    ]);
  });

  it('is named where its value is wrong', () => {
    expect(linesOf({ env: { THROTTLE_PAUSE: 'x' }, warn: () => undefined })).to.deep.equal([
      'THROTTLE_PAUSE is "x", but must be a number of seconds above 0, at most one week',
    ]);
  });

  it('wins over a file that changes while the process runs', () => {
    const running = read({ MEMORY_SHARE: '0.5' }).config;
    const content = { memory: { share: 0.9 } };
    const after = withSettings(running, content, { env: { MEMORY_SHARE: '0.5' }, name: 'file' });
    expect(after.config.memory.share).to.equal(0.5);
  });

  it('is reported by the process where no other way is given', async () => {
    const warned = once(process, 'warning');
    loadConfig({ env: { THROTTLE_PAUSE: '3' }, files: [] });
    const [warning] = await warned;
    expect([warning.name, warning.message]).to.deep.equal([
      'DeprecationWarning',
      'THROTTLE_PAUSE is deprecated: use THROTTLE_BACKOFF',
    ]);
  });
});
