import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import { Webhook } from 'standardwebhooks';
import type { AlertMessage } from '../../../../src/product/alertMessage.ts';
import type { SearchRequest } from '../../../../src/product/requestSchema.ts';
import { useService } from '../../../support/service.ts';
import { waitFor } from '../../../support/waitFor.ts';

/** A request that a receiver got. */
interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
  message: AlertMessage;
}

/** Receives on loopback; what it answers is chosen by the path of an address, 204 by default. */
function useReceiver() {
  const received: Received[] = [];
  const answers = new Map<string, (each: Received, response: ServerResponse) => void>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      const path = request.url as string;
      const { data: message } = JSON.parse(body);
      const each = { path, headers: request.headers as Record<string, string>, body, message };
      received.push(each);
      const answer = answers.get(path) ?? ((_, own) => own.writeHead(204).end());
      answer(each, response);
    });
  });
  let port = 0;
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  beforeEach(() => {
    received.length = 0;
    answers.clear();
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    received,
    answers,
    url: (path: string) => `http://127.0.0.1:${port}${path}`,
    of: (path: string) => received.filter((each) => each.path === path),
  };
}

const QUERY: SearchRequest = { query: 'led strip', maxItems: 50, track: 'strips' };

describe('the delivery of alerts', () => {
  const receiver = useReceiver();
  const service = useService({
    OUTBOUND_ALLOW: '127.0.0.1',
    ALERT_RETRY_DELAY: '0.02',
    ALERT_TIMEOUT: '0.4',
    ALERT_INTERVAL: '0.2',
  });

  const look = async () => {
    const report = await service.search(QUERY);
    return service.producer.products(report.searchId);
  };
  const lower = (itemId: string, value: string, factor: number) =>
    service.simulator.controls.changeListing(itemId, { price: (Number(value) * factor).toFixed(2) });
  /** The first look is over, and the prices of so many listings have fallen by a fifth. */
  const drop = async (count: number) => {
    const products = (await look()).filter(({ total, group }) => total !== null && group === null);
    for (const { itemId, price } of products.slice(0, count)) lower(itemId, price?.value as string, 0.8);
    await look();
    return products.slice(0, count);
  };

  it('brings a price that has fallen to a signed webhook, once, with title, picture and link', async () => {
    const { secret } = await service.producer.channels.put({
      ...{ kind: 'webhook', name: 'hook', url: receiver.url('/hook') },
    });
    await service.producer.alerts.put({ name: 'drops', track: 'strips', when: [{ on: 'drop' }] });
    const [product] = await drop(1);
    await waitFor('the alert', () => receiver.received.length > 0);
    await look();
    const [each] = receiver.received as [Received];
    const [hit] = each.message.hits;
    expect(receiver.received).to.have.lengthOf(1);
    expect(hit).to.include({ on: 'drop', itemId: product?.itemId, title: product?.title, url: product?.url });
    expect(hit?.image).to.equal(product?.images[0]);
    expect(hit?.from).to.deep.equal(product?.total);
    expect(each.headers['webhook-id']).to.equal(hit?.id);
    new Webhook(secret as string).verify(each.body, each.headers);
    const { waiting, lastError, lastDelivered } = await service.producer.channels.get('hook');
    expect([waiting, lastError]).to.deep.equal([0, null]);
    expect(lastDelivered).to.be.a('string');
  });

  it('keeps the order where a receiver fails, and sends each message again under its id', async () => {
    let requests = 0;
    receiver.answers.set('/flaky', (_, response) => {
      requests += 1;
      response.writeHead(requests % 3 === 0 ? 500 : 204).end();
    });
    await service.producer.channels.put({ kind: 'webhook', name: 'flaky', url: receiver.url('/flaky') });
    await service.producer.channels.put({ kind: 'webhook', name: 'sound', url: receiver.url('/sound') });
    await service.producer.alerts.put({ name: 'drops', track: 'strips', when: [{ on: 'drop' }] });
    await drop(8);
    const firsts = (path: string) => [...new Set(receiver.of(path).map(({ message }) => message.id))];
    await waitFor('all at the failing one', async () => {
      const { waiting } = await service.producer.channels.get('flaky');
      return firsts('/flaky').length === 8 && waiting === 0;
    });
    expect(firsts('/flaky')).to.deep.equal(firsts('/sound'));
    expect(receiver.of('/sound')).to.have.lengthOf(8);
    expect(receiver.of('/flaky').length).to.equal(8 + Math.floor(requests / 3));
  });

  it('keeps a message aside that the receiver will never take, goes on, and sends it again on request', async () => {
    let isStrict = true;
    let poison: string | undefined;
    receiver.answers.set('/strict', ({ message }, response) => {
      poison ??= message.id;
      response.writeHead(isStrict && message.id === poison ? 400 : 204).end();
    });
    await service.producer.channels.put({ kind: 'webhook', name: 'strict', url: receiver.url('/strict') });
    await service.producer.alerts.put({ name: 'drops', track: 'strips', when: [{ on: 'drop' }] });
    await drop(3);
    await waitFor('the others', () => receiver.of('/strict').length === 3);
    const [failed, ...others] = await waitFor('the failed one', async () => {
      const all = await service.producer.channels.failed('strict');
      return all.length > 0 ? all : undefined;
    });
    expect(others).to.deep.equal([]);
    expect(failed).to.include({ id: poison, alert: 'drops', error: 'the receiver answered 400' });
    isStrict = false;
    expect(await service.producer.channels.retryFailed('strict')).to.equal(1);
    await waitFor('it again', () => receiver.of('/strict').length === 4);
    expect(receiver.of('/strict')[3]?.message.id).to.equal(poison);
    expect(await service.producer.channels.failed('strict')).to.deep.equal([]);
  });

  it('waits as long as a receiver asks, and lets one that hangs delay no other', async () => {
    let isBusy = true;
    receiver.answers.set('/busy', (_, response) => {
      if (isBusy) response.writeHead(429, { 'retry-after': '1' }).end();
      else response.writeHead(204).end();
      isBusy = false;
    });
    receiver.answers.set('/hangs', () => undefined);
    for (const name of ['busy', 'hangs', 'sound'])
      await service.producer.channels.put({ kind: 'webhook', name, url: receiver.url(`/${name}`) });
    await service.producer.alerts.put({ name: 'drops', track: 'strips', when: [{ on: 'drop' }] });
    await drop(2);
    await waitFor('the sound one', () => receiver.of('/sound').length === 2);
    const { state, lastError, waiting } = await waitFor('the pause', async () => {
      const report = await service.producer.channels.get('busy');
      return report.state === 'paused' ? report : undefined;
    });
    expect([state, lastError, waiting]).to.deep.equal(['paused', 'the receiver answered 429', 2]);
    await waitFor('the busy one', () => receiver.of('/busy').length === 3);
    expect(new Set(receiver.of('/busy').map(({ message }) => message.id)).size).to.equal(2);
    const hangs = await waitFor('the time-out', async () => {
      const report = await service.producer.channels.get('hangs');
      return report.lastError === null ? undefined : report;
    });
    expect(hangs.lastError).to.match(/did not answer/);
    expect(hangs.waiting).to.equal(2);
  });

  it('says how a test ended', async () => {
    await service.producer.channels.put({ kind: 'webhook', name: 'hook', url: receiver.url('/hook') });
    expect(await service.producer.channels.test('hook')).to.deep.equal({ delivered: true, error: null });
    receiver.answers.set('/hook', (_, response) => response.writeHead(410).end());
    expect(await service.producer.channels.test('hook')).to.deep.equal({
      ...{ delivered: false, error: 'the receiver answered 410' },
    });
  });
});

describe('the queue of deliveries', () => {
  const receiver = useReceiver();
  const service = useService({ OUTBOUND_ALLOW: '127.0.0.1', ALERT_INTERVAL: '0.2', SWEEP_INTERVAL: '0.1' });

  for (const [what, name, options] of [
    ['is delayed for a year', 'deliver', { delay: 31_536_000_000 }],
    ['has another name and stays when it has ended', 'other', { removeOnComplete: false }],
    ['stays when it has ended', 'deliver', { removeOnComplete: false }],
  ] as const)
    it(`keeps no channel from being woken by a job of another program that ${what}`, async () => {
      const { url } = service.config.redis;
      const queue = new Queue('ebay-alerts', { connection: { url }, prefix: '{ebay}' });
      await queue.add(name, { channel: 'hook' }, { jobId: 'channel_hook', ...options });
      await service.producer.channels.put({ kind: 'webhook', name: 'hook', url: receiver.url('/hook') });
      expect(await service.producer.channels.test('hook')).to.deep.equal({ delivered: true, error: null });
      await waitFor('the end of the job', async () => (await queue.getJob('channel_hook')) === undefined);
      expect(receiver.received.map(({ message }) => message.kind)).to.deep.equal(['test']);
      await queue.close();
    });
});

describe('the filter of addresses of alerts', () => {
  const receiver = useReceiver();
  const service = useService({ ALERT_RETRY_DELAY: '0.02', ALERT_INTERVAL: '0.2' });

  it('connects to no private address that OUTBOUND_ALLOW does not name', async () => {
    await service.producer.channels.put({ kind: 'webhook', name: 'hook', url: receiver.url('/hook') });
    const { delivered, error } = await service.producer.channels.test('hook');
    expect(delivered).to.equal(false);
    expect(error).to.match(/^127\.0\.0\.1:\d+ leads to an address .* OUTBOUND_ALLOW does not name it$/);
    expect(receiver.received).to.deep.equal([]);
  });
});
