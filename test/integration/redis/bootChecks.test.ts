import type { Socket } from 'node:net';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { bootChecks } from '../../../src/redis/fitness.ts';
import { knownHoles } from '../../../src/redis/knownHoles.ts';
import { useRedis } from '../../support/redis.ts';
import { startTcpServer } from '../../support/tcpServer.ts';

describe('the check of Redis at boot', () => {
  const redis = useRedis();

  it('passes a Redis that keeps every key, and warns where a restart would lose them', async () => {
    const connection = redis.connect();
    const { version, fatal, warnings } = await bootChecks(connection);
    expect(version).to.match(/^\d+\.\d+\.\d+$/);
    expect(fatal).to.deep.equal([]);
    expect(warnings.join('\n')).to.include('set appendonly yes');
    await connection.config('SET', 'appendonly', 'yes');
    expect(withoutHoles((await bootChecks(connection)).warnings)).to.deep.equal([]);
    await connection.config('SET', 'appendonly', 'no');
  });

  for (const policy of ['allkeys-lru', 'volatile-ttl', 'allkeys-random'])
    it(`refuses the eviction policy ${policy} and says how to change it`, async () => {
      const connection = redis.connect();
      await connection.config('SET', 'maxmemory-policy', policy);
      const { fatal } = await bootChecks(connection);
      await connection.config('SET', 'maxmemory-policy', 'noeviction');
      expect(fatal).to.have.length(1);
      expect(fatal[0])
        .to.include(`maxmemory-policy is ${policy}`)
        .and.include('CONFIG SET maxmemory-policy noeviction');
    });

  const versions: Array<[info: string, fatal: RegExp | undefined]> = [
    ['redis_version:6.2.14', /^Redis is version 6\.2\.14, but 7\.0 or newer is needed: upgrade it$/],
    ['redis_version:2.8.24\r\nmaxmemory_policy:noeviction', /2\.8\.24/],
    ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0', undefined],
    ['redis_version:10.0.0', undefined],
    ['redis_version:7.2.4\r\nredis_mode:sentinel', /^REDIS_URL names a Sentinel: write redis\+sentinel:\/\//],
    ['redis_version:7.2.4\r\nredis_mode:cluster', /part of a Cluster: write redis\+cluster:\/\//],
    ['valkey_version:8.0.1\r\nredis_version:7.2.4\r\nserver_mode:cluster', /part of a Cluster/],
    ['valkey_version:8.0.1\r\nredis_version:7.2.4\r\nserver_mode:sentinel', /^REDIS_URL names a Sentinel/],
  ];
  for (const [info, fatal] of versions)
    it(`${fatal ? 'refuses' : 'passes'} a server that says ${info.replaceAll('\r\n', ', ')}`, async () => {
      const server = await startTcpServer(answering(info));
      const connection = new Redis(server.port, { enableReadyCheck: false, disableClientInfo: true });
      try {
        const report = await bootChecks(connection);
        if (fatal === undefined) expect(report.fatal).to.deep.equal([]);
        else expect(report.fatal.join('\n')).to.match(fatal);
      } finally {
        connection.disconnect();
        await server.close();
      }
    });

  const holes: Array<[info: string, warning: RegExp | undefined]> = [
    [
      'redis_version:7.4.2',
      /^Redis 7\.4\.2 has known .* \(CVE-2025-46817, .*\): .* distribution .* to 7\.4\.9$/,
    ],
    ['redis_version:7.4.9', undefined],
    [
      'redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.6',
      /^Valkey 8\.1\.6 .* upgrade to 8\.1\.7$/,
    ],
    ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.7', undefined],
  ];
  for (const [info, warning] of holes)
    it(`${warning ? 'warns once of' : 'passes'} the holes of a server that says ${info.replaceAll('\r\n', ', ')}`, async () => {
      const server = await startTcpServer(answering(`${info}\r\naof_enabled:1`));
      const connection = new Redis(server.port, { enableReadyCheck: false, disableClientInfo: true });
      try {
        const { fatal, warnings } = await bootChecks(connection);
        expect(fatal).to.deep.equal([]);
        expect(warnings).to.have.length(warning ? 1 : 0);
        if (warning) expect(warnings[0]).to.match(warning).and.not.include('\n');
      } finally {
        connection.disconnect();
        await server.close();
      }
    });

  it('says of the server at hand what its version says', async () => {
    const connection = redis.connect();
    const info = await connection.info('server');
    const versionOf = (name: string) => info.match(new RegExp(`^${name}_version:(\\S+)`, 'm'))?.[1];
    const valkey = versionOf('valkey');
    const known = valkey ? knownHoles('valkey', valkey) : knownHoles('redis', versionOf('redis') ?? '');
    const { warnings } = await bootChecks(connection);
    expect(warnings.filter((each) => each.includes('known security holes'))).to.have.length(known ? 1 : 0);
  });

  const clocks: Array<[ms: number, warning: RegExp]> = [
    [3600_000, /^Redis’s clock is 3\d{3}\.\d s ahead of this machine’s: .* NTP$/],
    [-60_000, /^Redis’s clock is (59|60)\.\d s behind this machine’s: /],
  ];
  for (const [ms, warning] of clocks)
    it(`warns of a clock that is ${ms / 1000} s off`, async () => {
      const server = await startTcpServer(answering('redis_version:7.2.4', ms));
      const connection = new Redis(server.port, { enableReadyCheck: false, disableClientInfo: true });
      try {
        const { warnings } = await bootChecks(connection);
        const off = withoutHoles(warnings);
        expect(off).to.have.length(1);
        expect(off[0]).to.match(warning);
      } finally {
        connection.disconnect();
        await server.close();
      }
    });
});

/** What the version of the server at hand says is another test's. */
const withoutHoles = (warnings: string[]) => warnings.filter((each) => !/known security holes/.test(each));

/** A server that answers `TIME`, and anything else with `info`. */
function answering(info: string, clockMs = 0): (socket: Socket) => void {
  return (socket) => {
    socket.on('data', (command) => {
      const now = String(Math.round((Date.now() + clockMs) / 1000));
      const time = `*2\r\n$${now.length}\r\n${now}\r\n$1\r\n0\r\n`;
      socket.write(/time/i.test(String(command)) ? time : `$${info.length}\r\n${info}\r\n`);
    });
  };
}
