import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Product } from '../../src/product/product.ts';
import type { SearchRequest } from '../../src/product/requestSchema.ts';
import type { SearchSummary } from '../../src/product/summary.ts';

const QUERY = 'phone case';

/** The kinds of searches, in turn. `calls` is what each needs where eBay repeats nothing. */
const KINDS: ReadonlyArray<{ how: 'http' | 'bullmq'; request: SearchRequest; calls: number }> = [
  { how: 'http', request: { query: QUERY, maxItems: 210 }, calls: 2 },
  { how: 'bullmq', request: { query: QUERY, maxItems: 50 }, calls: 1 },
  { how: 'http', request: { query: QUERY, maxItems: 5, details: 'full' }, calls: 6 },
  { how: 'bullmq', request: { query: QUERY, maxItems: 600, priority: 'backfill' }, calls: 3 },
  { how: 'http', request: { query: QUERY, maxItems: 300, marketplaces: ['EBAY_US', 'EBAY_GB'] }, calls: 2 },
  { how: 'bullmq', request: { query: QUERY, maxItems: 400, title: { exclude: ['zyzzyva'] } }, calls: 2 },
  { how: 'http', request: { query: QUERY, maxItems: 20, track: 'cases' }, calls: 1 },
];

/** An accepted search, and how its caller saw its end. */
export interface Accepted {
  id: string;
  /** Names it in eBay's log: the price limit of its request, which excludes nothing. */
  mark: string;
  kind: number;
  summary?: SearchSummary | undefined;
  error?: unknown;
  products?: string[];
  wrong?: string;
}

/** Callers that go on while processes are replaced: programs over HTTP, and programs with plain BullMQ. */
export class Load {
  readonly accepted: Accepted[] = [];
  /** Answers of HTTP that were neither accepted nor the answer of a server that is being replaced. */
  readonly refused: string[] = [];
  readonly #queue: Queue;
  readonly #origin: string;
  readonly #key: string;
  readonly #everyMs: number;
  #asked = 0;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(redis: Redis, parts: { origin: string; key: string; everyMs: number; firstMark: number }) {
    this.#queue = new Queue('ebay-search', { connection: redis, prefix: '{ebay}' });
    this.#origin = parts.origin;
    this.#key = parts.key;
    this.#everyMs = parts.everyMs;
    this.#asked = parts.firstMark;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Adds no further search; resolves when all are accepted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  async #run(): Promise<void> {
    const adding: Array<Promise<void>> = [];
    while (!this.#stopped) {
      adding.push(this.#add());
      await sleep(this.#everyMs);
    }
    await Promise.all(adding);
  }

  async #add(): Promise<void> {
    this.#asked += 1;
    const kind = this.#asked % KINDS.length;
    const { how, request } = KINDS[kind] as (typeof KINDS)[number];
    const mark = `${1_000_000 + this.#asked}`;
    if (how === 'bullmq') {
      const { id } = await this.#queue.add('search', marked(request, mark));
      this.accepted.push({ id: id as string, mark, kind });
      return;
    }
    const { status, json } = await this.#post(request, mark);
    if (status === 202 || status === 201) this.accepted.push({ id: json.searchId, mark, kind });
    else this.refused.push(`${status} ${JSON.stringify(json)}`);
  }

  /** The same key again finds the search that was accepted, whichever release accepted it. */
  #post(request: SearchRequest, mark: string) {
    const headers = { 'content-type': 'application/json', 'idempotency-key': `mark-${mark}` };
    return this.#http('POST', '/v1/searches', JSON.stringify(marked(request, mark)), headers);
  }

  /** Whether the first search over HTTP is found again by its idempotency key, by the release that runs now. */
  async isSameAgain(): Promise<boolean> {
    const first = this.accepted.find(({ kind }) => KINDS[kind]?.how === 'http');
    if (first === undefined) return false;
    const { json } = await this.#post((KINDS[first.kind] as (typeof KINDS)[number]).request, first.mark);
    return json.searchId === first.id;
  }

  /** Asks again while a server is being replaced. */
  async #http(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
    for (;;) {
      try {
        const response = await fetch(`${this.#origin}${path}`, {
          method,
          headers: { authorization: `Bearer ${this.#key}`, ...headers },
          ...(body !== undefined && { body }),
        });
        // biome-ignore lint/suspicious/noExplicitAny: read field by field
        const json = (await response.json()) as any;
        if (response.status !== 503 && response.status !== 429) return { status: response.status, json };
      } catch {
        // Nobody listens now.
      }
      await sleep(100);
    }
  }

  /** Waits until all accepted searches have ended, and reads what they found as their callers do. */
  async ends(timeoutMs: number): Promise<void> {
    const giveUpAt = Date.now() + timeoutMs;
    for (const search of this.accepted) {
      for (;;) {
        const { status, json } = await this.#http('GET', `/v1/searches/${encodeURIComponent(search.id)}`);
        if (status !== 200) search.wrong = `${status} ${JSON.stringify(json)}`;
        else if (json.state === 'done') Object.assign(search, { summary: json.summary, error: json.error });
        if (status !== 200 || json.state === 'done') break;
        if (Date.now() > giveUpAt) {
          search.wrong = `no end: ${JSON.stringify(json)}`;
          break;
        }
        await sleep(50);
      }
      if (search.wrong === undefined) search.products = await this.#products(search.id);
      search.wrong ??= wrongness(search);
    }
  }

  async #products(id: string): Promise<string[]> {
    const { status, json } = await this.#http(
      'GET',
      `/v1/searches/${encodeURIComponent(id)}/products?limit=1000`,
    );
    if (status !== 200) return [`${status} ${JSON.stringify(json)}`];
    return (json.products as Product[]).map(({ marketplace, itemId }) => `${marketplace} ${itemId}`);
  }
}

function marked(request: SearchRequest, mark: string): SearchRequest {
  return { ...request, filters: { price: { max: mark, currency: 'USD' } } };
}

function wrongness({ kind, summary, error, products = [] }: Accepted): string | undefined {
  const { request, calls } = KINDS[kind] as (typeof KINDS)[number];
  const { maxItems } = request;
  if (summary === null || summary === undefined) return `failed: ${JSON.stringify(error)}`;
  if (summary.outcome !== 'complete') return `outcome ${summary.outcome}: ${JSON.stringify(summary)}`;
  if (products.length !== maxItems) return `${products.length} of ${maxItems} products`;
  if (new Set(products).size !== maxItems) return 'a product twice';
  if (summary.calls !== calls) return `${summary.calls} calls in place of ${calls}`;
  return undefined;
}

/** The calls that these searches need. */
export function callsNeeded(searches: readonly Accepted[]): number {
  return searches.reduce((sum, { kind }) => sum + (KINDS[kind]?.calls ?? 0), 0);
}
