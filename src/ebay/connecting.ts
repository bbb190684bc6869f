import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { Config } from '../config/config.ts';
import { decoded } from '../config/secrets.ts';

/** Why no connection came up, where this service knows better than the system. Its message may be shown and holds no secret. */
export class ConnectError extends Error {
  readonly code: 'ETIMEDOUT' | 'ERR_PROXY' | 'ERR_CLOSED';

  constructor(code: ConnectError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * RFC 8305, section 5: the next address of a name joins after this time. Node's own form of it gives up the address before,
 * so that a name with several addresses has 250 ms instead of `EBAY_CONNECT_TIMEOUT`.
 */
const NEXT_ADDRESS_MS = 250;

interface Target {
  host: string;
  port: number;
}

type Opened = (error: Error | null, socket?: Socket) => void;

/**
 * Agents whose connections come up within `EBAY_CONNECT_TIMEOUT`, name look-up, proxy and TLS included, and through
 * `EBAY_PROXY_URL` where that is set. They hand out connections that are ready for a request.
 */
export function agentsFor({ connectTimeout, proxyUrl }: Pick<Config['ebay'], 'connectTimeout' | 'proxyUrl'>) {
  const proxy = proxyUrl === '' ? undefined : new URL(proxyUrl);
  const opening = new Set<AbortController>();
  const way = proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
  const tooLong = new ConnectError(
    'ETIMEDOUT',
    `no connection within EBAY_CONNECT_TIMEOUT (${connectTimeout} s)${way}`,
  );
  const closed = new ConnectError('ERR_CLOSED', 'the client is closed');
  let isClosed = false;
  const connect = (options: net.TcpNetConnectOpts, signal: AbortSignal) => {
    const target = { host: options.host ?? 'localhost', port: Number(options.port) };
    return proxy === undefined ? connectTo(target, signal) : connectThrough(proxy, target, signal);
  };
  const withOwn = <Agent extends http.Agent>(agent: Agent): Agent => {
    const secured = agent instanceof https.Agent ? agent.createConnection.bind(agent) : undefined;
    const open = async (options: net.TcpNetConnectOpts, signal: AbortSignal) => {
      const socket = await connect(options, signal);
      // Node's own function keeps the TLS sessions.
      return secured === undefined ? socket : ready(secured({ ...options, socket } as never) as TLSSocket);
    };
    const createConnection = (options: net.TcpNetConnectOpts, done: Opened) => {
      if (isClosed) return void done(closed);
      const attempt = new AbortController();
      const timer = setTimeout(() => attempt.abort(tooLong), connectTimeout * 1000);
      opening.add(attempt);
      settled(open(options, attempt.signal), attempt.signal)
        .finally(() => {
          clearTimeout(timer);
          opening.delete(attempt);
        })
        .then((socket) => done(null, socket), done);
    };
    const destroy = () => {
      isClosed = true;
      for (const attempt of opening) attempt.abort(closed);
      Object.getPrototypeOf(agent).destroy.call(agent);
    };
    return Object.assign(agent, { createConnection, destroy });
  };
  return {
    httpAgent: withOwn(new http.Agent({ keepAlive: true })),
    httpsAgent: withOwn(new https.Agent({ keepAlive: true })),
  };
}

/** As `opened`, or as the signal if that comes first. */
function settled(opened: Promise<Socket>, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    opened.then(resolve, reject);
  });
}

/** The first of the name's addresses that answers. An address that fails lets the next one begin at once. */
function connectTo({ host, port }: Target, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    dns.lookup(host, { all: true }, (error, addresses = []) => {
      if (error) return reject(error);
      const sockets: Socket[] = [];
      let failed = 0;
      let isOver = signal.aborted;
      let timer: NodeJS.Timeout | undefined;
      const end = (winner?: Socket) => {
        isOver = true;
        clearTimeout(timer);
        for (const socket of sockets) if (socket !== winner) socket.destroy();
      };
      const next = () => {
        clearTimeout(timer);
        const address = addresses[sockets.length]?.address;
        if (isOver || address === undefined) return;
        const socket = net.connect({ host: address, port, noDelay: true, keepAlive: true });
        sockets.push(socket);
        socket.once('connect', () => {
          end(socket);
          resolve(socket);
        });
        // Stays for the life of the connection, so that no error is without a listener.
        socket.on('error', (reason) => {
          failed += 1;
          if (failed === addresses.length) reject(reason);
          next();
        });
        timer = setTimeout(next, NEXT_ADDRESS_MS);
      };
      // Aborted within the opening only, whose TLS or proxy may be under way on the socket that was first.
      signal.addEventListener('abort', () => end());
      next();
    });
  });
}

function ready(socket: TLSSocket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** A tunnel (RFC 9110, section 9.3.6), also to a plain http origin: the proxy sees no more than the origin's name. */
async function connectThrough(proxy: URL, { host, port }: Target, signal: AbortSignal): Promise<Socket> {
  const isSecure = proxy.protocol === 'https:';
  const proxyHost = proxy.hostname.replace(/^\[|\]$/g, '');
  const failed = (what: string, remedy: string) =>
    new ConnectError('ERR_PROXY', `the proxy ${proxy.host} ${what}: ${remedy}`);
  const reached = async () => {
    const target = { host: proxyHost, port: Number(proxy.port) || (isSecure ? 443 : 80) };
    const socket = await connectTo(target, signal);
    const servername = net.isIP(proxyHost) === 0 ? { servername: proxyHost } : {};
    return isSecure ? ready(tls.connect({ socket, host: proxyHost, ...servername })) : socket;
  };
  const socket = await reached().catch(({ code }: NodeJS.ErrnoException) => {
    throw failed(`cannot be reached (${code})`, 'check EBAY_PROXY_URL');
  });
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const headers: http.OutgoingHttpHeaders = { host: authority, connection: 'keep-alive' };
  if (proxy.username + proxy.password !== '') {
    const credentials = `${decoded(proxy.username)}:${decoded(proxy.password)}`;
    headers['proxy-authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  return new Promise((resolve, reject) => {
    http
      .request({ method: 'CONNECT', path: authority, headers, createConnection: () => socket })
      .once('connect', ({ statusCode = 0 }) => {
        if (statusCode >= 200 && statusCode < 300) return resolve(socket);
        socket.destroy();
        const remedy =
          statusCode === 407
            ? 'check user and password in EBAY_PROXY_URL'
            : `it must allow CONNECT to ${authority}`;
        reject(failed(`answered ${statusCode}`, remedy));
      })
      .once('error', ({ code }: NodeJS.ErrnoException) =>
        reject(failed(`broke off (${code})`, 'check EBAY_PROXY_URL')),
      )
      .end();
  });
}
