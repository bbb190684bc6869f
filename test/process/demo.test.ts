import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import { EXIT } from '../../src/cli/exit.ts';
import { run } from '../../src/cli/program.ts';
import type { AlertMessage } from '../../src/product/alertMessage.ts';
import { useBrowser } from '../support/browser.ts';
import { useEnvironment } from '../support/environment.ts';
import { isListening } from '../support/freePort.ts';
import { patientDpf } from '../support/patientDpf.ts';
import { type RunningProcess, startDpf, useProcesses } from '../support/processes.ts';
import { waitFor } from '../support/waitFor.ts';
import { plainTerminal } from '../unit/cli/plainTerminal.ts';

describe('dpf demo where there is no Redis', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'engine-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  useEnvironment(() => ({ PATH: folder }));

  async function refused(): Promise<string> {
    const terminal = plainTerminal();
    expect(await run(['demo'], terminal)).to.equal(EXIT.dependency);
    expect(terminal.out).to.deep.equal([]);
    return terminal.err.join('\n');
  }

  it('says in one line what to install', async () => {
    expect(await refused()).to.equal(
      'dpf: no redis-server or valkey-server on the PATH: install Redis 7 or Valkey first',
    );
  });

  it('asks a container engine', async () => {
    writeFileSync(join(folder, 'podman'), '#!/bin/sh\necho no machine runs >&2\nexit 125', { mode: 0o755 });
    expect(await refused()).to.match(/no Redis from podman: no machine runs.*\ndpf: no redis-server or/);
  });
});

/** All tests look at the same demo, each at a part of its own. */
describe('dpf demo --keep', function () {
  this.timeout(180_000);
  const { dpf } = useProcesses();
  let demo: RunningProcess;
  /** What it says to export for commands in another terminal. */
  let env: Record<string, string>;
  before(async () => {
    // What a person has in the environment must not get in: the demo never uses real keys.
    demo = startDpf(['demo', '--keep'], {
      EBAY_CLIENT_ID: 'mine',
      EBAY_API_URL: 'http://127.0.0.1:1',
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    await demo.waitForLine(/Still running until Ctrl-C[\s\S]*npx dropship-product-finder search/, 120_000);
    env = Object.fromEntries(
      [...demo.stdout.matchAll(/export (\w+)='([^']+)'/g)].map(([, name = '', value = '']) => [name, value]),
    );
  });
  after(() => demo?.stop());
  useEnvironment(() => env);

  it('runs the whole service with nothing configured, and shows products', () => {
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
  });

  it('prints what another terminal needs: a search, a channel for price drops, a second worker', async () => {
    const search = await patientDpf('search', 'yoga mat', '--json');
    expect(search.exit, search.err).to.equal(EXIT.done);
    expect(JSON.parse(search.out).products).to.have.length(200);
    const received = await receivePriceDrop(async (address) => {
      const [, line = ''] =
        /npx dropship-product-finder (channels add .*) > hook\.secret/.exec(demo.stdout) ?? [];
      const added = await patientDpf(...line.replace('http://127.0.0.1:8787/', address).split(' '));
      expect(added.exit, added.err).to.equal(EXIT.done);
      return added.out.trim();
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
  });

  describe('with a browser', () => {
    const browser = useBrowser();

    it('lets a new user find a charger under 20 dollars delivered, schedule it, and see what is new after the catalogue moved', async () => {
      const [, url = ''] = await demo.waitForLine(/A page to look at: (\S+)/);
      const [, ebay = ''] = await demo.waitForLine(/(http:\/\/\S+)\/_sim\/listings/);
      const { page, complaints } = await browser.open();
      await page.goto(url);
      await page.fill('#query', 'usb c charger');
      await page.click('.search summary');
      await page.selectOption('#sort', 'newlyListed');
      await page.getByText('1 call, at most 5').waitFor();
      await page.click('button.main');
      await page.waitForSelector('#status[data-state=done]');
      await page.fill('#most', '20');
      await page.press('#most', 'Enter');
      await page.waitForURL(/most=20/);
      const delivered = await page.locator('.card .total').allTextContents();
      expect(delivered).to.have.length.above(5);
      for (const text of delivered)
        expect(Number(/^\$([\d.]+) delivered$/.exec(text)?.[1])).to.be.at.most(20);

      const [cheaper = ''] = await page
        .locator('.card')
        .evaluateAll((cards) =>
          cards.flatMap((card) =>
            /listed at|bid/.test(card.textContent ?? '') ? [] : [card.getAttribute('data-item')],
          ),
        );
      await page.click('a.watch-this');
      await page.click('.make-schedule button.main');
      const run = page.locator('#schedule-usb-c-charger .runs .complete');
      await reloadUntil(() => run.count(), 1);

      await move(`${ebay}/_sim/listings`, 'POST', { title: 'USB C Charger for a lighthouse', price: '7.77' });
      await move(`${ebay}/_sim/listings/${encodeURIComponent(cheaper ?? '')}`, 'PATCH', { price: '0.50' });
      await page.click('#schedule-usb-c-charger form[action$=run] button');
      await reloadUntil(() => run.count(), 2);
      // The market of the demo makes news of its own.
      await page.goto(new URL('/news?of=track:usb-c-charger', url).href);
      await reloadUntil(() => page.locator('.news-item.unread').count(), 2);
      expect(await page.textContent('.news-group'))
        .to.include('lighthouse')
        .and.match(/Cheaper.*→ \$[\d.]+/s);
      await page.goto(new URL('/watching', url).href);
      await page.locator('#schedule-usb-c-charger .runs a').first().click();
      await page.check('#changed');
      await page.waitForURL(/changed=1/);
      const cards = await page.locator('.card').allTextContents();
      expect(cards).to.have.length(2);
      expect(cards.join())
        .to.include('New')
        .and.include('lighthouse')
        .and.match(/Dropped was \$[\d.]+/);
      expect(complaints).to.deep.equal([]);

      async function reloadUntil(count: () => Promise<number>, wanted: number): Promise<void> {
        for (let look = 0; look < 100 && (await count()) < wanted; look++) {
          await page.waitForTimeout(200);
          await page.reload();
        }
        expect(await count()).to.equal(wanted);
      }
    });
  });

  describe('at Ctrl-C', () => {
    it('ends, with nothing left behind', async () => {
      const redisPort = Number(new URL(env.REDIS_URL ?? '').port);
      expect(await isListening(redisPort)).to.equal(true);
      demo.signal('SIGINT');
      expect(await demo.exit(), demo.output).to.equal(0);
      expect(await isListening(redisPort)).to.equal(false);
    });
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

/** What happens at eBay meanwhile. */
async function move(address: string, method: string, body: object): Promise<void> {
  const answer = await fetch(address, { method, body: JSON.stringify(body) });
  expect(answer.ok, await answer.text()).to.equal(true);
}
