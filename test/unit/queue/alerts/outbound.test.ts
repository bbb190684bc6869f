import type { LookupAddress, lookup } from 'node:dns';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect } from 'chai';
import { DeliveryError } from '../../../../src/queue/alerts/channels/sender.ts';
import { type OutboundSettings, outbound } from '../../../../src/queue/alerts/outbound.ts';
import { allowedHosts, isAllowedHost, isPublic } from '../../../../src/queue/alerts/outboundRules.ts';
import { waitFor } from '../../../support/waitFor.ts';

/** Hosts that lead to the listener of this test wherever a program connects to them as they are. */
const LOOPBACK_FORMS = [
  '127.0.0.1',
  '2130706433',
  '0x7f000001',
  '017700000001',
  '0177.0.0.1',
  '0x7f.0x0.0x0.0x1',
  '127.1',
  '127.0.1',
  '127.0.0.1.',
  '%31%32%37.0.0.1',
  '１２７.０.０.１',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '0.0.0.0',
  '0',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
];

const OTHER_FORMS = [
  '127.255.255.254',
  '169.254.169.254',
  '0xa9fea9fe',
  '10.0.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '192.0.0.8',
  '192.0.2.1',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[::7f00:1]',
  '[fe80::1]',
  '[fe80::1%25lo]',
  '[fec0::1]',
  '[fd00::1]',
  '[ff02::1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::1]',
  '[2001:0:7f00:1::1]',
  '[::ffff:0:7f00:1]',
  '[2001:db8::1]',
  'user@127.0.0.1',
  'api.example.com@127.0.0.1',
];

/** What the name server of this test answers; each name's answers one after another, the last one again and again. */
const NAMES: Record<string, string[][]> = {
  localhost: [['127.0.0.1']],
  'localhost.': [['127.0.0.1']],
  'receiver.example.com': [['127.0.0.1']],
  'private.example.com': [['127.0.0.1']],
  'metadata.example.com': [['169.254.169.254']],
  'mapped.example.com': [['::ffff:127.0.0.1']],
  'nat64.example.com': [['64:ff9b::7f00:1']],
  'zone.example.com': [['fe80::1%lo']],
  'both.example.com': [['1.1.1.1', '127.0.0.1']],
  'six.example.com': [['2606:4700::1111', '::1']],
  'garbage.example.com': [['no address']],
  'nothing.example.com': [[]],
};

describe('outbound requests', () => {
  const servers: Server[] = [];
  /** Connections to the listener. */
  let connections = 0;
  let open = 0;
  let port = 0;
  let reply: { status: number; headers?: Record<string, string>; body?: string } = { status: 204 };
  let asked: string[] = [];
  let names: Record<string, string[][]> = {};
  let bodies: string[] = [];

  const resolver = ((
    host: string,
    _options: unknown,
    done: (error: Error | null, found: LookupAddress[]) => void,
  ) => {
    asked.push(host);
    const answers = names[host];
    const answer = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
    if (answer === undefined) return done(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
    done(
      null,
      answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as unknown as typeof lookup;

  const post = (
    url: string,
    settings: Partial<OutboundSettings> = {},
    body = '{}',
    signal = new AbortController().signal,
  ) => {
    const send = outbound({ allow: [], timeoutMs: 5000, lookup: resolver, ...settings });
    return send(url, { headers: { 'x-test': '1' }, body, signal });
  };

  const failure = async (request: Promise<unknown>): Promise<DeliveryError> => {
    const error = await request.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof DeliveryError)) throw new Error(`no DeliveryError but ${error}`);
    return error;
  };

  before(async () => {
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (part) => {
        text += part;
      });
      request.on('end', () => {
        bodies.push(text);
        response.writeHead(reply.status, reply.headers).end(reply.body);
      });
    });
    server.on('connection', (socket) => {
      connections += 1;
      open += 1;
      socket.on('close', () => {
        open -= 1;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    servers.push(server);
  });

  beforeEach(() => {
    connections = 0;
    asked = [];
    bodies = [];
    names = structuredClone(NAMES);
    reply = { status: 204 };
  });

  after(() => {
    for (const server of servers) server.close().closeAllConnections();
  });

  it('make no connection to addresses that are not of the internet, however they are written', async () => {
    const hosts = [...LOOPBACK_FORMS, ...OTHER_FORMS, ...Object.keys(NAMES)];
    for (const host of hosts) {
      for (const scheme of ['http', 'https']) {
        const { message, fault } = await failure(post(`${scheme}://${host}:${port}/s3cret?token=s3cret`));
        expect(fault, host).to.equal('channel');
        expect(message, host)
          .to.match(
            /is not of the internet, and OUTBOUND_ALLOW|is no http or https address|holds a user or a password|has no address/,
          )
          .and.not.include('s3cret');
      }
    }
    expect(hosts.length).to.be.at.least(40);
    expect(connections).to.equal(0);
  });

  it('reach the listener in each of these forms where the settings allow it', async () => {
    const allow = allowedHosts('127.0.0.0/8, 0.0.0.0/8, ::ffff:0:0/96');
    for (const host of LOOPBACK_FORMS)
      expect(await post(`http://${host}:${port}/`, { allow }), host).to.include({ status: 204 });
    expect(connections).to.equal(LOOPBACK_FORMS.length);
  });

  it('ask for a name once and connect to the address that was checked', async () => {
    names['rebinding.example.com'] = [['127.0.0.1'], ['127.0.0.2']];
    const { status } = await post(`http://rebinding.example.com:${port}/`, { allow: ['127.0.0.1/32'] });
    expect(status).to.equal(204);
    expect(asked).to.deep.equal(['rebinding.example.com']);
    names['rebinding.example.com'] = [['127.0.0.2'], ['127.0.0.1']];
    await failure(post(`http://rebinding.example.com:${port}/`, { allow: ['127.0.0.1/32'] }));
    expect(connections).to.equal(1);
  });

  it('follow no redirect, wherever it leads', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      reply = { status, headers: { location: `http://127.0.0.1:${port}/private` } };
      const error = await failure(
        post(`http://receiver.example.com:${port}/s3cret`, {
          allow: ['receiver.example.com'],
        }),
      );
      expect(error).to.deep.include({ fault: 'channel', status });
      expect(error.message).to.include('redirects are not followed').and.not.include('s3cret');
    }
    expect(connections).to.equal(5);
  });

  it('reach hosts that are allowed by name, address or range, and no others', async () => {
    const allow = allowedHosts(' Hooks.Internal , 10.1.0.0/16,fd00::/8, 192.168.7.7,[::1] ');
    for (const host of [
      'hooks.internal',
      'HOOKS.internal.',
      '10.1.2.3',
      '[fd12::1]',
      '192.168.7.7',
      '[0:0::1]',
    ])
      expect(isAllowedHost(allow, host), host).to.equal(true);
    for (const host of [
      'internal',
      'a.hooks.internal',
      '10.2.0.1',
      '192.168.7.8',
      '[fe80::1]',
      '::ffff:10.1.2.3',
      '',
    ])
      expect(isAllowedHost(allow, host), host).to.equal(false);
    expect(isAllowedHost([], '127.0.0.1')).to.equal(false);
    for (const address of ['1.1.1.1', '8.8.8.8', '2606:4700::1111', '2001:4860:4860::8888'])
      expect(isPublic(address), address).to.equal(true);
    for (const address of ['4000::1', '1.2.3', 'example.com', ''])
      expect(isPublic(address), address).to.equal(false);
  });

  it('close their connections, read at most 64 kB and send at most 256 kB', async () => {
    reply = { status: 200, body: 'x'.repeat(1_000_000) };
    const { body } = await post(`http://127.0.0.1:${port}/`, { allow: ['127.0.0.1'] }, 'é'.repeat(1000));
    expect(body.length).to.equal(65_536);
    expect(bodies).to.deep.equal(['é'.repeat(1000)]);
    const { fault } = await failure(
      post(`http://127.0.0.1:${port}/`, { allow: ['127.0.0.1'] }, 'é'.repeat(140_000)),
    );
    expect(fault).to.equal('message');
    await waitFor('closed connections', () => open === 0);
    expect(connections).to.equal(1);
  });

  it('end when the receiver hangs, and at the caller’s word; a status that came counts', async () => {
    const silent = createServer((request, response) => {
      if (request.url === '/half') response.writeHead(200).write('half');
    });
    const noTls = createTlsServer({});
    for (const server of [silent, noTls])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(silent);
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const allow = ['127.0.0.1'];
    try {
      expect((await failure(post(`${url}/s3cret`, { allow, timeoutMs: 50 }))).message).to.match(
        /did not answer in time$/,
      );
      expect(await post(`${url}/half`, { allow, timeoutMs: 600 })).to.include({ status: 200, body: 'half' });
      expect((await failure(post(url, { allow }, '{}', AbortSignal.abort()))).message).to.match(/was ended$/);
      const calling = new AbortController();
      const called = failure(post(url, { allow }, '{}', calling.signal));
      calling.abort();
      expect((await called).message).to.match(/was ended$/);
      const never = { allow, lookup: (() => undefined) as unknown as typeof lookup, connectTimeoutMs: 20 };
      expect((await failure(post('https://slow.example.com/', never))).message).to.match(
        /accept a connection in time$/,
      );
      const { message } = await failure(
        post(`https://127.0.0.1:${(noTls.address() as AddressInfo).port}/s3cret`, { allow }),
      );
      expect(message).to.match(/^127\.0\.0\.1:\d+ cannot be reached \(\w+\)$/);
      expect((await failure(post('https://unknown.example.com/'))).message).to.equal(
        'unknown.example.com cannot be reached (ENOTFOUND)',
      );
    } finally {
      noTls.close();
    }
  });
});
