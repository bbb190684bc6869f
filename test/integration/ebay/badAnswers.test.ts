import { createServer, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import type { FailureCode } from '../../../src/failures.ts';
import type { FaultSpec } from '../../../src/simulator/faults.ts';
import { search, testEbay } from '../../support/ebayClient.ts';
import { failureOf, inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';
import { useSimulator } from '../../support/simulator.ts';

const env = { EBAY_CALL_TIMEOUT: '0.3', EBAY_CONNECT_TIMEOUT: '0.2', EBAY_MAX_BODY_BYTES: '2000000' };

describe('an eBay that misbehaves', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  const simulator = useSimulator();
  const faults: [name: string, fault: FaultSpec, code: FailureCode][] = [
    ['an answer that never begins', { fault: 'hang' }, 'ebay-timeout'],
    ['a body that never comes', { fault: 'hang', at: 'body' }, 'ebay-timeout'],
    ['one byte a second', { fault: 'slow-body', bytesPerSecond: 1 }, 'ebay-timeout'],
    [
      'a steady drip that would outlive any idle timeout',
      { fault: 'slow-body', bytesPerSecond: 40 },
      'ebay-timeout',
    ],
    ['a reset before the answer, three times over', { fault: 'reset' }, 'ebay-unreachable'],
    ['a reset within the body', { fault: 'reset', at: 'body' }, 'ebay-bad-answer'],
    ['a body shorter than announced', { fault: 'truncated' }, 'ebay-bad-answer'],
    ['chunks that stop in the middle', { fault: 'truncated', chunked: true }, 'ebay-bad-answer'],
    ['malformed JSON', { fault: 'malformed' }, 'ebay-bad-answer'],
    ['an HTML page', { fault: 'html' }, 'ebay-bad-answer'],
    ['a body beyond the cap', { fault: 'huge-body', bytes: 5_000_000 }, 'ebay-bad-answer'],
    ['a redirect to another host', { fault: 'redirect' }, 'ebay-bad-answer'],
    ['an empty 200', { fault: 'status', status: 200 }, 'ebay-bad-answer'],
    ['a 5xx', { fault: 'status', status: 500 }, 'ebay-server-error'],
  ];
  for (const [name, fault, code] of faults)
    it(`${name} is a failure "${code}", never an empty result`, async () => {
      const ebay = testEbay(simulator().url, { gate: makeGate(), env });
      simulator().controls.arm(fault);
      const failure = await failureOf(search(ebay));
      expect([failure.code, failure.disposition]).to.deep.equal([code, 'transient']);
      ebay.client.close();
    });

  it('a compressed body beyond the cap is a failure "ebay-bad-answer" once it has come', async () => {
    // Packing it takes the simulator longer than the others may take.
    const ebay = testEbay(simulator().url, { gate: makeGate(), env: { ...env, EBAY_CALL_TIMEOUT: '9' } });
    simulator().controls.arm({ fault: 'huge-body', bytes: 50_000_000, gzip: true });
    const failure = await failureOf(search(ebay));
    expect([failure.code, failure.disposition]).to.deep.equal(['ebay-bad-answer', 'transient']);
    ebay.client.close();
  });

  it('gets its connection back after trouble', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate(), env });
    simulator().controls.arm({ fault: 'reset', count: 1 });
    expect((await search(ebay)).attempts).to.equal(2);
    ebay.client.close();
  });

  it('is quoted without the token, in one short line', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    const token = await ebay.tokens.getAccessToken();
    const message = `bad\n${token} ${'x'.repeat(500)}`;
    const body = JSON.stringify({ errors: [{ errorId: 12001, message }] });
    simulator().controls.arm({ fault: 'status', status: 400, body });
    const failure = await failureOf(search(ebay));
    expect(failure.detail.errorId).to.equal(12_001);
    expect(failure.message).to.match(/^eBay answered 400 \(error 12001\): bad /);
    expect(failure.message.length).to.be.below(260);
    for (const form of [
      failure.message,
      failure.stack,
      JSON.stringify(failure),
      inspect(failure, { depth: 9 }),
    ])
      expect(form).to.not.include(token);
    ebay.client.close();
  });

  it('that no longer has an item says so', async () => {
    const ebay = testEbay(simulator().url, { gate: makeGate() });
    const failure = await failureOf(ebay.client.browse.getItem('v1|1|0', {}, { class: 'interactive' }));
    expect([failure.code, failure.detail.errorId]).to.deep.equal(['item-gone', 11_001]);
    ebay.client.close();
  });
});

describe('a server that is not eBay', () => {
  const redis = useRedis();
  const makeGate = inRedis(() => redis.connect());
  let server: Server;
  let answer: (socket: Socket) => void;
  const sockets = new Set<Socket>();
  const mint = async () => 'token';
  const url = () => `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  before((done) => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => answer(socket));
    }).listen(0, '127.0.0.1', done);
  });
  after((done) => {
    for (const socket of sockets) socket.destroy();
    server.close(done);
  });

  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
  const answers: [name: string, bytes: string, code: FailureCode][] = [
    ['headers that never end', 'HTTP/1.1 200 OK\r\nX-A: b', 'ebay-timeout'],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n', 'ebay-bad-answer'],
    ['JSON that is no object', `${head}Content-Length: 4\r\n\r\nnull`, 'ebay-bad-answer'],
    [
      'what only claims to be compressed',
      `${head}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n{"a":`,
      'ebay-bad-answer',
    ],
    [
      'what is packed in another way than was asked for',
      `${head}Content-Encoding: br\r\nContent-Length: 4\r\n\r\n\x0b\x00\x80\x03`,
      'ebay-bad-answer',
    ],
    [
      'an error that only claims to be compressed',
      `${head.replace('200 OK', '500 Oh')}Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n{"a":`,
      'ebay-server-error',
    ],
    ['a chunk of no length', `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 'ebay-bad-answer'],
  ];
  for (const [name, bytes, code] of answers)
    it(`that sends ${name} is a failure "${code}"`, async () => {
      answer = (socket) => socket.write(bytes);
      const ebay = testEbay(url(), { gate: makeGate(), env, mint });
      expect((await failureOf(search(ebay))).code).to.equal(code);
      ebay.client.close();
    });

  it('reads an answer that begins with a byte order mark', async () => {
    answer = (socket) => socket.write(`${head}Content-Length: 14\r\n\r\n\uFEFF{"total":0}`);
    const ebay = testEbay(url(), { gate: makeGate(), env, mint });
    expect((await search(ebay)).body).to.deep.equal({ total: 0 });
    ebay.client.close();
  });

  it('whose name does not resolve is unreachable', async () => {
    const ebay = testEbay('https://ebay.invalid', {
      gate: makeGate(),
      mint,
      env: { ...env, EBAY_CALL_TIMEOUT: '9' },
    });
    expect((await failureOf(search(ebay))).code).to.equal('ebay-unreachable');
    ebay.client.close();
  });
});
