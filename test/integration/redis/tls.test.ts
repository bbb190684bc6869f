import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { Failure } from '../../../src/failures.ts';
import { openRedis, waitForRedis } from '../../../src/redis/connection.ts';
import type { EmbeddedRedis } from '../../../src/redis/embedded.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { testConfig } from '../../support/config.ts';
import { freePort } from '../../support/freePort.ts';
import { skipWithoutTls, startTestRedis } from '../../support/redis.ts';
import { linesOf } from '../../unit/config/problems.ts';

describe('Redis behind TLS', () => {
  let authority: Authority;
  let stranger: Authority;
  const servers: EmbeddedRedis[] = [];
  /** By what is odd about it: a port that speaks TLS. */
  const ports: Record<string, number> = {};
  let files: { own: { cert: string; key: string }; plainPort: number };

  before(async function () {
    await skipWithoutTls(this);
    [authority, stranger] = await Promise.all([makeAuthority(), makeAuthority()]);
    const own = await authority.sign('redis', 'DNS:localhost,IP:127.0.0.1');
    const other = await authority.sign('other', 'DNS:redis.internal');
    const start = async (name: string, { cert, key }: typeof own, clients: string) => {
      const port = await freePort();
      const certificate = [
        '--tls-cert-file',
        cert,
        '--tls-key-file',
        key,
        '--tls-ca-cert-file',
        authority.ca,
      ];
      const server = await startTestRedis([
        ...['--tls-port', String(port), ...certificate],
        ...['--tls-auth-clients', clients],
      ]);
      servers.push(server);
      ports[name] = port;
      return server;
    };
    const { port } = await start('usual', own, 'no');
    await start('otherName', other, 'no');
    await start('asksBack', own, 'yes');
    files = { own, plainPort: port };
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all([authority?.remove(), stranger?.remove()]);
  });

  const opened: Redis[] = [];
  afterEach(() => {
    for (const redis of opened.splice(0)) redis.disconnect();
  });
  const reach = async (url: string, env: Record<string, string> = {}, deadlineMs = 15_000) => {
    const { redis } = testConfig({ REDIS_URL: url, REDIS_CONNECT_TIMEOUT: '0.5', ...env });
    const connection = openRedis(redis, 'caller', NOOP_LOGGER);
    opened.push(connection);
    await waitForRedis(connection, url, deadlineMs);
    return connection;
  };
  const refusal = async (url: string, env: Record<string, string> = {}): Promise<string> => {
    const error: Failure = await reach(url, env, 1500).then(
      () => expect.fail('it connected'),
      (failure) => failure,
    );
    expect(error.code).to.equal('redis-unavailable');
    expect(error.message).to.match(/^cannot reach Redis at localhost:\d+ \([\w ]+\): /);
    return error.message;
  };

  it('is reached where its authority is named, by host name and by address', async () => {
    for (const host of ['localhost', '127.0.0.1']) {
      const redis = await reach(`rediss://${host}:${ports.usual}/0`, { REDIS_TLS_CA: authority.ca });
      expect(await redis.set('key', 'value')).to.equal('OK');
    }
  });

  it('is reached under another name that its certificate holds', async () => {
    const env = { REDIS_TLS_CA: authority.ca, REDIS_TLS_SERVER_NAME: 'redis.internal' };
    await reach(`rediss://127.0.0.1:${ports.otherName}/0`, env);
  });

  it('is reached with a client certificate where it asks for one', async () => {
    const { cert, key } = files.own;
    const env = { REDIS_TLS_CA: authority.ca, REDIS_TLS_CERT: cert, REDIS_TLS_KEY: key };
    await reach(`rediss://localhost:${ports.asksBack}/0`, env);
  });

  it('is reached unchecked in the sandbox, and production refuses that', async () => {
    const url = `rediss://localhost:${ports.usual}/0`;
    await reach(url, { REDIS_TLS_VERIFY: 'false' });
    const lines = linesOf({ env: { REDIS_TLS_VERIFY: 'false', EBAY_ENVIRONMENT: 'production' } });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.match(/^REDIS_TLS_VERIFY is false, but in production .* set REDIS_TLS_CA instead$/);
  });

  it('says so where the authority is not trusted', async () => {
    const url = `rediss://localhost:${ports.usual}/0`;
    for (const env of [undefined, { REDIS_TLS_CA: stranger.ca }])
      expect(await refusal(url, env)).to.match(/\(SELF_SIGNED_CERT_IN_CHAIN\): .*file in REDIS_TLS_CA$/);
  });

  it('says so where the certificate is for another name, and for which', async () => {
    const message = await refusal(`rediss://localhost:${ports.otherName}/0`, { REDIS_TLS_CA: authority.ca });
    expect(message).to.include('is for DNS:redis.internal: write that name in REDIS_URL');
  });

  it('says so where the port is a plain one', async () => {
    const message = await refusal(`rediss://localhost:${files.plainPort}/0`, { REDIS_TLS_CA: authority.ca });
    expect(message).to.include('if that is a plain port, write redis:// in REDIS_URL');
  });

  it('says so where a plain connection meets TLS', async () => {
    const message = await refusal(`redis://localhost:${ports.usual}/0`);
    expect(message).to.include('if that is a TLS port, write rediss:// in REDIS_URL');
  });

  it('says so where a client certificate is missing', async () => {
    const message = await refusal(`rediss://localhost:${ports.asksBack}/0`, { REDIS_TLS_CA: authority.ca });
    expect(message).to.include('set REDIS_TLS_CERT and REDIS_TLS_KEY');
  });

  it('is not tried with files that cannot serve', async () => {
    const { cert } = files.own;
    const { key } = await stranger.sign('client', 'DNS:client');
    const wrong: Array<[env: Record<string, string>, line: RegExp]> = [
      [
        { REDIS_TLS_CA: '/nowhere/ca.pem' },
        /^REDIS_TLS_CA is \/nowhere\/ca\.pem, which cannot be read \(ENOENT\)$/,
      ],
      [{ REDIS_TLS_CA: key }, /^REDIS_TLS_CA is .*, which holds no PEM certificate$/],
      [{ REDIS_TLS_CERT: cert }, /^REDIS_TLS_CERT and REDIS_TLS_KEY belong together: set both$/],
      [{ REDIS_TLS_CERT: cert, REDIS_TLS_KEY: key }, /^REDIS_TLS_KEY does not hold the PEM key/],
    ];
    for (const [env, line] of wrong) {
      const lines = linesOf({ env });
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(line);
    }
  });
});
