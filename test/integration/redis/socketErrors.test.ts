import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { spy } from 'sinon';
import { openRedis } from '../../../src/redis/connection.ts';
import type { EmbeddedRedis } from '../../../src/redis/embedded.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { testConfig } from '../../support/config.ts';
import { freePort } from '../../support/freePort.ts';
import { skipWithoutTls, startTestRedis, useRedis } from '../../support/redis.ts';
import { ScriptedSentinel } from '../../support/scriptedSentinel.ts';
import { waitFor } from '../../support/waitFor.ts';

type Kind = 'plain' | 'TLS';
const KINDS: Kind[] = ['plain', 'TLS'];
const planted = new Error('planted');

/** As Node does with an error of TLS: once as the socket is destroyed, and once more from the layer of TLS. */
async function plantTwice(socket: Socket): Promise<void> {
  const closed = once(socket, 'close').catch(() => undefined);
  socket.destroy(planted);
  await closed;
  socket.emit('error', planted);
}

describe('errors of a socket to Redis', () => {
  let authority: Authority;
  let server: EmbeddedRedis;
  const urls = { plain: '', TLS: '' };
  before(async function () {
    await skipWithoutTls(this);
    authority = await makeAuthority();
    const { cert, key } = await authority.sign('redis', 'DNS:localhost,IP:127.0.0.1');
    const port = await freePort();
    const certificate = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority.ca];
    server = await startTestRedis(['--tls-port', String(port), ...certificate, '--tls-auth-clients', 'no']);
    urls.plain = server.url;
    urls.TLS = `rediss://127.0.0.1:${port}/0`;
  });
  after(async () => {
    await server?.stop();
    await authority?.remove();
  });

  const open = (kind: Kind) => {
    const env = { REDIS_URL: urls[kind], ...(kind === 'TLS' ? { REDIS_TLS_CA: authority.ca } : {}) };
    return openRedis(testConfig(env).redis, 'worker', NOOP_LOGGER);
  };
  const streamOf = (redis: Redis) => redis.stream as Socket;
  /** The socket before the operating system can have connected it: no turn of the event loop passes. */
  const connecting = async (redis: Redis): Promise<Socket> => {
    for (let ticks = 0; ticks < 1000 && !streamOf(redis); ticks += 1)
      await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(streamOf(redis).connecting).to.equal(true);
    return streamOf(redis);
  };
  const moments: Array<[name: string, arrive: (redis: Redis) => Promise<unknown>]> = [
    ['before the handshake', connecting],
    ['in the handshake', async (redis) => once(await connecting(redis), 'connect')],
    ['once it is ready', (redis) => once(redis, 'ready')],
    [
      'with a command under way',
      (redis) => once(redis, 'ready').then(() => void redis.ping().catch(() => 0)),
    ],
  ];

  for (const kind of KINDS)
    for (const [name, arrive] of moments)
      for (const isCopy of [false, true])
        it(`are reported, and it reconnects: ${isCopy ? 'a copy, ' : ''}${kind}, ${name}`, async () => {
          const first = open(kind);
          const redis = isCopy ? first.duplicate() : first;
          const errors: Error[] = [];
          redis.on('error', (error) => errors.push(error));
          try {
            await arrive(redis);
            await plantTwice(streamOf(redis));
            expect(errors).to.deep.equal([planted]);
            expect(await redis.ping()).to.equal('PONG');
          } finally {
            for (const each of new Set([first, redis])) each.disconnect();
          }
        });

  for (const kind of KINDS)
    it(`end nothing but the connection while it closes: ${kind}`, async () => {
      const redis = open(kind);
      await once(redis, 'ready');
      const socket = streamOf(redis);
      redis.disconnect();
      await plantTwice(socket);
      await waitFor('its end', () => redis.status === 'end');
    });
});

describe('errors of the sockets that ioredis opens by itself', () => {
  /** Every plain socket that this process opens while `act` runs. */
  async function socketsOf(act: () => Promise<unknown>): Promise<Socket[]> {
    const sockets: Socket[] = [];
    const note = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
    subscribe('net.client.socket', note);
    try {
      await act();
    } finally {
      unsubscribe('net.client.socket', note);
    }
    return sockets;
  }
  const survive = async (redis: Redis, sockets: Socket[]) => {
    for (const socket of sockets)
      await (socket.destroyed ? socket.emit('error', planted) : plantTwice(socket));
    await waitFor('an answer', () => redis.ping().catch(() => undefined));
  };

  describe('to Sentinels', () => {
    const server = useRedis('single');

    it('end no process, and nothing is written past the log', async () => {
      const written = spy(console, 'error');
      const sentinel = await ScriptedSentinel.start(Number(new URL(server.url).port));
      let redis: Redis | undefined;
      try {
        const sockets = await socketsOf(async () => {
          redis = openRedis(testConfig({ REDIS_URL: sentinel.url }).redis, 'caller', NOOP_LOGGER);
          await waitFor('it to listen for fail-overs', () => sentinel.listening === 1);
        });
        // The master's, the one that asked for it, and the one that listens.
        expect(sockets.length).to.be.at.least(3);
        await survive(redis as Redis, sockets);
        expect(written.args).to.deep.equal([]);
      } finally {
        written.restore();
        redis?.disconnect();
        sentinel.stop();
      }
    });
  });

  describe('to a Cluster', () => {
    const cluster = useRedis('cluster');

    it('end no process', async function () {
      this.timeout(60_000);
      let redis: Redis | undefined;
      try {
        const sockets = await socketsOf(async () => {
          redis = openRedis(testConfig({ REDIS_URL: cluster.url }).redis, 'caller', NOOP_LOGGER);
          await waitFor('an answer', () => redis?.ping().catch(() => undefined));
        });
        // A node's at least, and the subscriber's.
        expect(sockets.length).to.be.at.least(2);
        await survive(redis as Redis, sockets);
      } finally {
        redis?.disconnect();
      }
    });
  });
});
