import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { useProcesses } from '../support/processes.ts';
import { serviceEnv } from '../support/service.ts';
import { type SlowAddress, startSlowAddress } from '../support/slowAddress.ts';

/** The name `redis.test` has an address that does not answer and one where nothing listens; each connection that ends is noted. */
const TWO_ADDRESSES = `
const dns = require('node:dns');
const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
const { lookup } = dns;
dns.lookup = (host, options, done) =>
  host === 'redis.test' ? setImmediate(done, null, addresses) : lookup(host, options, done);
const { Socket } = require('node:net');
const connecting = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const at = performance.now();
  this.once('error', ({ code }) => console.error('attempt of', Math.floor(performance.now() - at), 'ms', code));
  return connecting.apply(this, args);
};
`;

describe('a Redis whose name has several addresses, one of which is slow', function () {
  this.timeout(30_000);
  const { dpf } = useProcesses();
  let slow: SlowAddress;
  let folder: string;
  before(async () => {
    slow = await startSlowAddress();
    folder = mkdtempSync(join(tmpdir(), 'dpf-distant-'));
    writeFileSync(join(folder, 'addresses.cjs'), TWO_ADDRESSES);
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await slow.stop();
  });

  it('has longer for each than the 250 ms of Node', async () => {
    const worker = dpf(['worker'], {
      ...serviceEnv(`redis://redis.test:${slow.port}`, 'http://127.0.0.1:1'),
      NODE_OPTIONS: `--require ${join(folder, 'addresses.cjs')}`,
    });
    await worker.waitForLine(/attempt of \d+ ms/);
    const ms = Number(/attempt of (\d+) ms/.exec(worker.output)?.[1]);
    expect(ms).to.be.above(990);
  });
});
