import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import type { AlertMessage } from '../../src/product/alertMessage.ts';
import { useProcesses } from '../support/processes.ts';
import { waitFor } from '../support/waitFor.ts';

describe('dpf demo', function () {
  this.timeout(90_000);
  const { dpf } = useProcesses();

  it('runs the whole service with nothing configured, shows products and ends with nothing left behind', async () => {
    // What a person has in the environment must not get in: the demo never uses real keys.
    const demo = dpf(['demo'], {
      EBAY_CLIENT_ID: 'mine',
      EBAY_API_URL: 'http://127.0.0.1:1',
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    const [, redisPort = ''] = await demo.waitForLine(/Redis +redis:\/\/127\.0\.0\.1:(\d+)/);
    expect(await demo.exit(), demo.output).to.equal(0);
    expect(demo.stdout.match(/✔ complete/g)).to.have.length(3);
    expect(demo.stdout).to.match(/◐ partial.*filtered out.*\n.*stopped after 3 calls \(maxCalls\): /);
    expect(demo.stdout).to.contain('○ none-found').and.contain('filtered out').and.contain('Delivered');
    expect(demo.stdout).to.match(/\d calls, 1 token request\./);
    // The hour is always the same: nine new listings of three searches, and what happens to a shop's.
    expect(demo.stdout).to.match(/In the hour: \d+ of 1\d changes seen/);
    for (const what of ['new ', ' → ', 'sold out']) expect(demo.stdout).to.contain(what);
    expect(demo.stdout).to.match(
      /\d+ calls: building-blocks \d+, trading-card \d+, fountain-pen \d+, board-games \d+\./,
    );
    expect(await isListening(Number(redisPort))).to.equal(false);
  });

  it('says in one line what to install where there is no Redis', async () => {
    const demo = dpf(['demo'], { PATH: '' });
    expect(await demo.exit(), demo.output).to.equal(4);
    expect(demo.output).to.equal(
      'dpf: no redis-server or valkey-server on the PATH: install Redis 7 or Valkey first\n',
    );
  });

  it('asks a container engine where there is no Redis', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'engine-'));
    try {
      writeFileSync(join(folder, 'podman'), '#!/bin/sh\necho no machine runs >&2\nexit 125', { mode: 0o755 });
      const demo = dpf(['demo'], { PATH: folder });
      expect(await demo.exit(), demo.output).to.equal(4);
      expect(demo.output).to.match(/no Redis from podman: no machine runs.*\ndpf: no redis-server or/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('with --keep prints what another terminal needs: a search, a channel for price drops, a second worker; it ends on Ctrl-C', async () => {
    const demo = dpf(['demo', '--keep']);
    await demo.waitForLine(/Still running until Ctrl-C[\s\S]*npx dropship-product-finder search/);
    const env = Object.fromEntries(
      [...demo.stdout.matchAll(/export (\w+)='([^']+)'/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const search = dpf(['search', 'yoga mat', '--json'], env);
    expect(await search.exit(), search.output).to.equal(0);
    expect(JSON.parse(search.stdout).products).to.have.length(200);
    const received = await receivePriceDrop(async (address) => {
      const [, line = ''] =
        /npx dropship-product-finder (channels add .*) > hook\.secret/.exec(demo.stdout) ?? [];
      const added = dpf(line.replace('http://127.0.0.1:8787/', address).split(' '), env);
      expect(await added.exit(), added.output).to.equal(0);
      return added.stdout.trim();
    });
    expect(received.image).to.match(/^http:\S+\/pictures\/\d+/);
    expect(received.url).to.match(/^http:\S+\/itm\/\d+/);
    expect(Number(received.to?.value)).to.be.lessThan(Number(received.from?.value));
    const worker = dpf(['worker'], env);
    await worker.waitForLine(/"worker started"/);
    worker.signal('SIGTERM');
    expect(await worker.exit(), worker.output).to.equal(0);
    expect(worker.output).to.match(/"stopped"/);
    expect(demo.output).to.not.match(/"level":"(info|warn)"/);
    demo.signal('SIGINT');
    expect(await demo.exit(), demo.output).to.equal(0);
    expect(await isListening(Number(new URL(env.REDIS_URL ?? '').port))).to.equal(false);
  });
});

/** The first price drop that a program on this machine receives. @param addChannel returns the secret that signs it */
async function receivePriceDrop(addChannel: (address: string) => Promise<string>) {
  const requests: Array<{ headers: IncomingHttpHeaders; body: string }> = [];
  const receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = receiver.address() as AddressInfo;
    const secret = await addChannel(`http://127.0.0.1:${port}/`);
    const { headers, body } = await waitFor('a price drop', () => requests[0], 60_000);
    const verified = new Webhook(secret).verify(body, headers as Record<string, string>);
    const { type, data } = verified as { type: string; data: AlertMessage };
    expect(type).to.equal('alert.drop');
    return data.hits[0] as AlertMessage['hits'][number];
  } finally {
    receiver.close();
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
