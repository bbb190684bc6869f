import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../src/app/worker.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { payloadOf, signedHeaders } from '../../src/queue/alerts/channels/webhook.ts';
import { testConfig } from '../support/config.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

/** What each prints at its end. */
const EXAMPLES: Record<string, RegExp> = {
  'bullmq.js': /^complete: \d+ products in 1 call\(s\)\nread them with: npx dpf search --get \d+ --json$/m,
  'library.ts': /^complete: \d+ products\n(\d+\.\d\d USD {2}\S.*\n){5}$/m,
  'schedule.ts':
    /^morning-cases runs at 07:30 on working days \(America\/New_York\), next at 2.*\ncomplete: \d+/,
};

describe('the examples of searching', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { node } = useProcesses();
  let worker: WorkerApp;
  let config: ReturnType<typeof testConfig>;
  beforeEach(async () => {
    const env = { MIN_API_CALL_INTERVAL: '0', PLAN_INTERVAL: '0.1' };
    config = testConfig(serviceEnv(redis.url, simulator().url, env));
    worker = await startWorkerApp(config, quietLog());
  });
  afterEach(() => worker.stop());

  for (const [file, ending] of Object.entries(EXAMPLES))
    it(`${file} does what it says, and ends`, async () => {
      const loader = file.endsWith('.ts') ? ['--import', 'tsx/esm'] : [];
      const example = node([...loader, `examples/${file}`], { REDIS_URL: redis.url });
      expect(await example.exit(), example.output).to.equal(0);
      expect(example.stdout).to.match(ending);
      expect(example.stderr).to.equal('');
    });

  it('watchlist.ts imports a CSV file, and says what the first look found', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dpf-example-'));
    const producer = openProducer(config);
    try {
      await producer.ready();
      const { searchId } = await producer.enqueue({ query: 'usb c hub', maxItems: 3 });
      await producer.waitFor(searchId, { timeoutMs: 30_000 });
      const rows = (await producer.products(searchId)).map(({ itemId }, index) => `${itemId},HUB-${index}`);
      const file = join(folder, 'listings.csv');
      await writeFile(file, ['item,sku', ...rows].join('\n'));
      const made = node(['--import', 'tsx/esm', 'examples/watchlist.ts', file], { REDIS_URL: redis.url });
      expect(await made.exit(), made.output).to.equal(0);
      expect(made.stdout).to.match(
        /^supplies: 3 listings, 3 added, 0 there already\n3 in stock, 0 out of stock, 0 ended\na look at all of them takes \d+ calls\n$/,
      );
    } finally {
      await producer.close();
      await rm(folder, { recursive: true });
    }
  });
});

const RECEIVERS: Record<string, [command: string, ...args: string[]]> = {
  'receiver.ts': [process.execPath, '--import', 'tsx/esm'],
  'receiver.py': ['python3'],
};

describe('the examples that receive webhooks', function () {
  this.timeout(30_000);
  const [former, secret] = ['former', 'present'].map((word) => `whsec_${btoa(word.repeat(5))}`) as [
    string,
    string,
  ];
  const hit = {
    on: 'drop',
    itemId: 'v1|110000000001|0',
    title: 'Dock \u001b[2J \u202ered',
    url: 'https://www.ebay.com/itm/110000000001',
    image: 'https://i.ebayimg.com/images/g/1/s-l1600.jpg',
    from: { value: '24.00', currency: 'USD' },
    to: { value: '19.50', currency: 'USD' },
  };
  const id = 'a'.repeat(32);
  const message = { id, kind: 'alert', at: '2026-05-01T08:00:00.000Z', alert: 'drops', hits: [hit] };
  const body = JSON.stringify(payloadOf(message as unknown as Parameters<typeof payloadOf>[0]));
  let folder: string;
  let running: ChildProcess | undefined;
  let output: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dpf-receiver-'));
  });
  afterEach(async () => {
    await stop();
    await rm(folder, { recursive: true });
  });

  async function start([command, ...args]: [string, ...string[]], file: string): Promise<string> {
    output = '';
    running = spawn(command, [...args, `examples/${file}`, join(folder, 'hook.secret'), '0']);
    for (const stream of [running.stdout, running.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const address = () => /on (http:\S+)$/m.exec(output)?.[1];
    return waitFor(`${file} to listen`, address, 20_000);
  }
  async function stop(): Promise<void> {
    const [ended, child] = [running && once(running, 'exit'), running];
    running = undefined;
    child?.kill('SIGTERM');
    await ended;
  }
  const post = async (url: string, headers: Record<string, string>, text = body) =>
    (await fetch(url, { method: 'POST', headers, body: text })).status;

  for (const [file, command] of Object.entries(RECEIVERS))
    it(`${file} takes what is signed with either secret, once, and refuses all else`, async function () {
      if (spawnSync(command[0], ['--version']).status !== 0) {
        console.error(`skipped: ${command[0]} is not there`);
        this.skip();
      }
      const url = await start(command, file);
      const now = Date.now();
      const signed = (...secrets: string[]) => signedHeaders(id, now, body, secrets);
      // Without a secret nothing can be right.
      expect(await post(url, signed(secret))).to.equal(401);
      await writeFile(join(folder, 'hook.secret'), `${former}\n`);
      const foreign = `whsec_${btoa('foreign'.repeat(5))}`;
      const refused: Array<[what: string, headers: Record<string, string>, text?: string]> = [
        ['another secret', signed(foreign)],
        ['a changed body', signed(former), body.replace('19.50', '1.50')],
        ['a changed id', { ...signed(former), 'webhook-id': 'b'.repeat(32) }],
        ['another version of signatures', { ...signed(former), 'webhook-signature': 'v1a,AAAA v2' }],
        ['a recorded request', signedHeaders(id, now - 301_000, body, [former])],
        ['a time that is yet to be', signedHeaders(id, now + 310_000, body, [former])],
        ['a time that is none', { ...signed(former), 'webhook-timestamp': 'now' }],
        ['no header', {}],
      ];
      for (const [what, headers, text] of refused) expect(await post(url, headers, text), what).to.equal(401);
      expect(output).to.not.include('drops');
      // Both secrets sign while one replaces the other, and the receiver has either.
      expect(await post(url, signed(secret, former))).to.equal(204);
      await writeFile(join(folder, 'hook.secret'), `${secret}\n`);
      expect(await post(url, signed(secret, former)), 'the same once more').to.equal(204);
      const line = 'drops: drop  Dock  [2J  red  24.00 USD → 19.50 USD\n';
      await waitFor('the message', () => output.includes(`${line}  ${hit.url}\n  ${hit.image}\n`));
      await stop();
      const again = await start(command, file);
      expect(await post(again, signed(secret)), 'after a restart').to.equal(204);
      const other = 'c'.repeat(32);
      expect(await post(again, signedHeaders(other, now, body, [secret]))).to.equal(204);
      await waitFor('another message', () => output.includes(line));
      expect(output.split(line), 'the known one is not shown').to.have.length(2);
    });
});
