import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { useCommands } from '../support/commands.ts';
import { type RunningProcess, useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

/** What a worker needs to start; it calls nobody. */
const EBAY = { EBAY_CLIENT_ID: 'id', EBAY_CLIENT_SECRET: 'secret', EBAY_ENVIRONMENT: 'sandbox' };

describe('dpf serve and dpf keys', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const dpf = useCommands();
  const processes = useProcesses();
  const env = (change: Record<string, string> = {}) => ({
    REDIS_URL: redis.url,
    HTTP_PORT: '0',
    ...change,
  });

  const status = async (url: string, key = '') =>
    (await fetch(`${url}/v1/searches/s_none`, { headers: { authorization: `Bearer ${key}` } })).status;

  const urlOf = async (server: RunningProcess) =>
    (await server.waitForLine(/"serving".*"url":"([^"]+)"/))[1] as string;

  it('starts without any key, alone and beside a worker, and says how to make one; takes one that is made then until it is taken back, and stops on SIGTERM', async () => {
    const servers = [processes.dpf(['serve'], env()), processes.dpf(['worker', '--serve'], env(EBAY))];
    const urls = await Promise.all(servers.map(urlOf));
    for (const url of urls) expect(await status(url)).to.equal(401);
    for (const { stderr, stdout } of servers) {
      expect(stderr.split('there is no API key')).to.have.length(2);
      expect(stderr.split('set appendonly yes')).to.have.length(2);
      expect(stderr).to.match(/"warn".*there is no API key.*dpf keys add NAME/);
      expect(stdout).to.equal('');
    }
    const made = dpf(['keys', 'add', 'shop', '--json'], env());
    expect(await made.exit(), made.output).to.equal(0);
    const { key, id } = JSON.parse(made.stdout);
    for (const url of urls) expect(await status(url, key)).to.equal(404);

    const listed = dpf(['keys', 'list'], env());
    expect(await listed.exit()).to.equal(0);
    expect(listed.stdout).to.contain(id).and.contain('shop').and.not.contain(key);
    const revoked = dpf(['keys', 'revoke', id], env());
    expect(await revoked.exit(), revoked.output).to.equal(0);
    for (const url of urls)
      await waitFor('the key to be refused', async () => (await status(url, key)) === 401);

    for (const server of servers) {
      server.signal('SIGTERM');
      expect(await server.exit(), server.output).to.equal(0);
      expect(server.output).to.contain('"stopped"').and.not.contain(key);
    }
  });

  it('--first-key makes one key for two servers that start at once, printed once and in no line of the log', async () => {
    const servers = [
      processes.dpf(['serve', '--first-key'], env()),
      processes.dpf(['worker', '--serve', '--first-key'], env(EBAY)),
    ];
    const urls = await Promise.all(servers.map(urlOf));
    const stdout = servers.map((server) => server.stdout).join('');
    expect(stdout).to.match(/^dpf_live_\S+\n$/);
    const key = stdout.trim();
    for (const [place, server] of servers.entries()) {
      expect(await status(urls[place] as string, key)).to.equal(404);
      expect(server.stderr).to.not.contain(key);
      expect(server.stderr).to.not.contain('there is no API key');
    }
    expect(await redis.connect().hlen('{ebay}:api-keys')).to.equal(1);
  });

  it('a worker without --serve takes no --first-key: exit 2', async () => {
    const worker = dpf(['worker', '--first-key'], env(EBAY));
    expect(await worker.exit(), worker.output).to.equal(2);
    expect(worker.stderr).to.contain('--serve');
  });

  it('goes without keys on a loopback address alone: exit 3', async () => {
    const server = dpf(['serve'], env({ HTTP_WITHOUT_KEYS: 'true', HTTP_HOST: '0.0.0.0' }));
    expect(await server.exit(), server.output).to.equal(3);
    expect(server.stderr).to.match(/^dpf: HTTP_WITHOUT_KEYS .*0\.0\.0\.0/m);
  });

  it('says that its port is in use: exit 4', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    // It loads all of a server while it waits for Redis, which would keep this process too long.
    const server = processes.dpf(['serve'], env({ HTTP_WITHOUT_KEYS: 'true', HTTP_PORT: String(port) }));
    expect(await server.exit(), server.output).to.equal(4);
    expect(server.stderr).to.contain(`port ${port} on 127.0.0.1 is in use`).and.contain('HTTP_PORT');
    other.close();
  });
});
