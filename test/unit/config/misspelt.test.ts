import { expect } from 'chai';
import { misspeltVariables } from '../../../src/config/misspelt.ts';
import { settings } from '../../../src/config/schema.ts';

/** As a runner of GitHub Actions has it, with Node, Java and a Redis of its own beside. */
const CI = `CI GITHUB_ACTIONS GITHUB_TOKEN GITHUB_SHA GITHUB_REF_NAME GITHUB_WORKSPACE GITHUB_RUN_ID GITHUB_API_URL RUNNER_OS
  RUNNER_TEMP RUNNER_TOOL_CACHE ACTIONS_CACHE_URL ACTIONS_RUNTIME_TOKEN ImageOS ImageVersion JAVA_HOME_17_X64 ANDROID_HOME
  HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy ALL_PROXY HTTPS_PORT HTTPS_HOST SMTP_PORT SMTP_HOST SMTP_USER SMTP_PASSWORD FTP_HOST
  REDIS_HOST REDIS_PORT REDIS_PASSWORD REDIS_USERNAME REDIS_DB REDIS_TLS REDIS_TLS_PORT REDIS_SENTINEL_HOSTS LOG_FILE LOG_DIR
  LOG_PATH LOGLEVEL LOGNAME LOG_COLOR TOKEN_SECRET TOKEN_KEY WORKER_COUNT WORKER_ID WEB_CONCURRENCY PLAN_ID COST_CENTER COSTS_URL
  ALERT_EMAIL ALERTMANAGER_URL METRICS_ENABLED QUEUE_URL QUEUE_NAME SEARCH_URL SEARCH_HOST TENANT_ID TENANT_NAME HOST PORT URL
  HOSTNAME HOME PATH PWD OLDPWD SHELL SHLVL TERM LANG LC_ALL USER EDITOR SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR
  npm_config_cache npm_lifecycle_event npm_package_name npm_execpath NODE_ENV NODE_OPTIONS DATABASE_URL POSTGRES_HOST
  DOCKER_HOST KUBECONFIG AWS_ACCESS_KEY_ID AWS_REGION DD_TRACE_AGENT_PORT OTEL_EXPORTER_OTLP_ENDPOINT SENTRY_DSN _
  EBAY_DEV_ID EBAY_SITE_ID EBAY_RU_NAME EBAY_REDIRECT_URI EBAY_REFRESH_TOKEN EBAY_ACCESS_TOKEN EBAY_OAUTH_TOKEN
  MAX_BODY_BYTES TLS_SERVER_NAME AFFILIATE_CAMPAIGN_ID API_CALL_INTERVAL`;

/** Links of the services `ebay`, `redis`, `http`, `ebay-worker`, `log` and `redis-tls` in the same namespace. */
const POD = ['EBAY', 'REDIS', 'HTTP', 'EBAY_WORKER', 'LOG', 'REDIS_TLS'].flatMap(
  (service): [string, string][] => [
    [`${service}_SERVICE_HOST`, '10.0.0.1'],
    [`${service}_SERVICE_PORT`, '6379'],
    [`${service}_SERVICE_PORT_HTTP`, '6379'],
    ...(service === 'HTTP' ? [] : ([[`${service}_PORT`, 'tcp://10.0.0.1:6379']] as [string, string][])),
    [`${service}_PORT_6379_TCP`, 'tcp://10.0.0.1:6379'],
    [`${service}_PORT_6379_TCP_PROTO`, 'tcp'],
    [`${service}_PORT_6379_TCP_PORT`, '6379'],
    [`${service}_PORT_6379_TCP_ADDR`, '10.0.0.1'],
  ],
);

describe('a variable that was probably meant as a setting', () => {
  for (const [name, meant] of [
    ['WORKER_CONCURENCY', 'WORKER_CONCURRENCY'],
    ['WOKER_CONCURRENCY', 'WORKER_CONCURRENCY'],
    ['CONCURRENCY_WORKER', 'WORKER_CONCURRENCY'],
    ['MIN_API_CALL_INTERVALL', 'MIN_API_CALL_INTERVAL'],
    ['MIN_API_INTERVAL', 'MIN_API_CALL_INTERVAL'],
    ['DAILY_CALLS_LIMIT', 'DAILY_CALL_LIMIT'],
    ['RESULTS_TTL_SECONDS', 'RESULTS_TTL'],
    ['REDIS_URI', 'REDIS_URL'],
    ['REDIS_ULR', 'REDIS_URL'],
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['METRIC_PORT', 'METRICS_PORT'],
    ['EBAY_APP_ID', 'EBAY_CLIENT_ID'],
    ['EBAY_CERT_ID', 'EBAY_CLIENT_SECRET'],
    ['EBAY_ENV', 'EBAY_ENVIRONMENT'],
    ['EBAY_CLIENTID', 'EBAY_CLIENT_ID'],
  ] as const)
    it(`${name}: ${meant}`, () => {
      const problems = misspeltVariables({ [name]: 'hush-hush' });
      expect(problems.map((problem) => problem.name)).to.deep.equal([name]);
      expect(problems[0]?.message)
        .to.equal(`is no setting; did you mean ${meant}?`)
        .and.not.include('hush-hush');
      if (!name.startsWith('EBAY_ENV'))
        expect(misspeltVariables({ [name]: 'x', [meant]: 'y' }), 'the right one is set').to.deep.equal([]);
    });

  it('is one that begins with EBAY_, whatever follows, and the file of a setting that is no secret', () => {
    expect(misspeltVariables({ EBAY_QWERTYUIOP: '1' })).to.deep.equal([
      { name: 'EBAY_QWERTYUIOP', message: 'is no setting; dpf config shows all' },
    ]);
    expect(misspeltVariables({ HTTP_PORT_FILE: '/run/port' })[0]?.message).to.match(/set HTTP_PORT$/);
  });

  it('is none of those that the settings have, with their files and former names, and none that is blank', () => {
    const known = settings().flatMap(({ env, deprecatedEnv, sensitive }) => [
      env,
      ...(deprecatedEnv ? [deprecatedEnv] : []),
      ...(sensitive ? [`${env}_FILE`] : []),
    ]);
    for (const name of [...known, 'CONFIG_FILE', 'REDIS_IMAGE', 'REDIS_WORKER_PASSWORD'])
      expect(misspeltVariables({ [name]: 'x' }), name).to.deep.equal([]);
    expect(misspeltVariables({ WORKER_CONCURENCY: ' ' })).to.deep.equal([]);
  });

  it('is none of a machine of CI, alone or together, and no link of a service in Kubernetes', () => {
    const names = CI.split(/\s+/).filter(Boolean);
    for (const name of names) expect(misspeltVariables({ [name]: '1' }), name).to.deep.equal([]);
    expect(misspeltVariables(Object.fromEntries(names.map((name) => [name, '1'])))).to.deep.equal([]);
    expect(misspeltVariables(Object.fromEntries(POD))).to.deep.equal([]);
  });
});
