import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as an imitation got it. */
export interface Received {
  method: string;
  /** Without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  text: string;
  /** What the text is as JSON; undefined: none. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test asserts on
  json: any;
  /** The status that it was answered with. */
  status: number;
}

export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export interface Receiver {
  /** `http://127.0.0.1:PORT` */
  origin: string;
  /** Every request, in order. */
  received: Received[];
  /** Answers of the next requests, before the imitation looks at them. */
  next: Reply[];
  close(): Promise<void>;
}

/** A server on loopback that answers each request as `judge` says, and remembers it. */
export async function startReceiver(judge: (request: Received) => Reply): Promise<Receiver> {
  const received: Received[] = [];
  const next: Reply[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://receiver');
      const text = Buffer.concat(chunks).toString();
      const seen: Received = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        text,
        json: parsed(text),
        status: 0,
      };
      const { status, headers = {}, body } = next.shift() ?? judge(seen);
      seen.status = status;
      received.push(seen);
      const isText = typeof body === 'string' || body === undefined;
      response.writeHead(status, {
        'content-type': isText ? 'text/plain' : 'application/json',
        ...headers,
      });
      response.end(isText ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    received,
    next,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isJson({ headers }: Received): boolean {
  return /^application\/json\b/.test(headers['content-type'] ?? '');
}
