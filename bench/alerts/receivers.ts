import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AlertMessage } from '../../src/product/alertMessage.ts';
import { fraction } from '../../src/simulator/random.ts';

/** One request that a receiver got. */
export interface Arrival {
  /** When it had come whole, ms since the epoch. */
  readonly at: number;
  /** `webhook-id`. */
  readonly id: string;
  readonly message: AlertMessage;
  /** What it was answered with; 0: it was left without an answer. */
  readonly status: number;
}

/**
 * How a receiver behaves. `sound` takes everything; `failing` answers 500 to a fifth; `hanging` gives one in fifty no
 * answer; `busy` answers 429 to one in a hundred, and to all else until the second of its Retry-After is over: that is a minute
 * at the default waits, and more of them would be a receiver that never catches up. `refusing` answers 400 to everything,
 * `down` 500.
 */
export const BEHAVIOURS = ['sound', 'failing', 'hanging', 'busy', 'refusing', 'down'] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface Receiver {
  readonly behaviour: Behaviour;
  readonly url: string;
  /** In order. */
  readonly arrivals: Arrival[];
  close(): Promise<void>;
}

/** A receiver of webhooks on loopback; what it does to its nth request follows from the seed. */
export async function startWebhook(behaviour: Behaviour, seed: number): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  let busyUntil = 0;
  function statusOf(index: number): number {
    const drawn = fraction(seed, behaviour, index);
    if (behaviour === 'failing') return drawn < 0.2 ? 500 : 204;
    if (behaviour === 'hanging') return drawn < 0.02 ? 0 : 204;
    if (behaviour === 'refusing') return 400;
    if (behaviour === 'down') return 500;
    if (behaviour === 'sound') return 204;
    if (Date.now() >= busyUntil && drawn < 0.01) busyUntil = Date.now() + 1000;
    return Date.now() < busyUntil ? 429 : 204;
  }
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const status = statusOf(arrivals.length);
      const { data } = JSON.parse(text) as { data: AlertMessage };
      arrivals.push({ at: Date.now(), id: String(request.headers['webhook-id']), message: data, status });
      if (status === 0) return;
      response.writeHead(status, status === 429 ? { 'retry-after': '1' } : {}).end();
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    behaviour,
    url: `http://127.0.0.1:${port}/hook`,
    arrivals,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
