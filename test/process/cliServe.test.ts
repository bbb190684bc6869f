import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

describe('dpf serve and dpf keys', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const { dpf } = useProcesses();
  const env = (change: Record<string, string> = {}) => ({
    REDIS_URL: redis.url,
    HTTP_PORT: '0',
    ...change,
  });

  it('makes a key once, serves whoever has it, refuses it after it was taken back, and stops on SIGTERM', async () => {
    const made = dpf(['keys', 'add', 'shop', '--json'], env());
    expect(await made.exit(), made.output).to.equal(0);
    const { key, id } = JSON.parse(made.stdout);
    const server = dpf(['serve'], env());
    const [, url = ''] = await server.waitForLine(/"serving".*"url":"([^"]+)"/);
    const headers = { authorization: `Bearer ${key}` };
    const asked = await fetch(`${url}/v1/searches/s_none`, { headers });
    expect(asked.status).to.equal(404);

    const listed = dpf(['keys', 'list'], env());
    expect(await listed.exit()).to.equal(0);
    expect(listed.stdout).to.contain(id).and.contain('shop').and.not.contain(key);
    const revoked = dpf(['keys', 'revoke', id], env());
    expect(await revoked.exit(), revoked.output).to.equal(0);
    let status = 404;
    for (const giveUpAt = Date.now() + 15_000; status === 404 && Date.now() < giveUpAt; )
      status = (await fetch(`${url}/v1/searches/s_none`, { headers })).status;
    expect(status).to.equal(401);

    server.signal('SIGTERM');
    expect(await server.exit(), server.output).to.equal(0);
    expect(server.output).to.contain('"stopped"').and.not.contain(key);
  });

  it('does not start where nobody has a key: exit 3 and how to make one', async () => {
    const server = dpf(['serve'], env());
    expect(await server.exit(), server.output).to.equal(3);
    expect(server.stderr).to.match(/^dpf: there is no API key.*dpf keys add/m);
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
    const server = dpf(['serve'], env({ HTTP_WITHOUT_KEYS: 'true', HTTP_PORT: String(port) }));
    expect(await server.exit(), server.output).to.equal(4);
    expect(server.stderr).to.contain(`port ${port} on 127.0.0.1 is in use`).and.contain('HTTP_PORT');
    other.close();
  });

  it('waits loudly for a Redis that is away, and is told to stop meanwhile', async () => {
    const server = dpf(['serve'], env({ REDIS_URL: 'redis://127.0.0.1:1/0' }));
    await server.waitForLine(/Redis connection failed.*127\.0\.0\.1:1/);
    server.signal('SIGTERM');
    expect(await server.exit(), server.output).to.equal(0);
  });
});
