import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AxiosInstance } from 'axios';
import type { Redis } from 'ioredis';
import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { asFailure, Failure, parseReason, reasonOf } from '../failures.ts';
import { clockOf } from '../redis/redisClock.ts';
import { type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import { INVISIBLE, isObject, parseObject, readAnswer } from './answer.ts';
import type { TokenSource } from './http.ts';
import { pacificDay, pacificDayEnd } from './pacificDay.ts';
import { axiosClient, closeAxios, Deadline, networkFailure, plainGet } from './transport.ts';

export interface Category {
  /** For `categoryIds` of a request. */
  id: string;
  name: string;
  /** The names from the top of the tree down to this one. */
  path: string[];
}

export interface FoundCategories {
  categories: Category[];
  /** When eBay said so, ISO 8601: eBay's terms ask that the age of what is older than a day is said. */
  observedAt: string;
}

export interface CategoryNamesOptions {
  redis: Redis;
  prefix: string;
  /** Whose keyset is used; all tenants of the same eBay environment share the names. */
  tenant: string;
  config: Pick<Config, 'ebay' | 'pace' | 'search'>;
  tokens: Pick<TokenSource, 'getAccessToken'>;
  /** Why this process cannot ask eBay, if it cannot. */
  unavailableReason?: string | undefined;
  log?: Logger;
}

const TAXONOMY = '/commerce/taxonomy/v1';
/**
 * Calls of a tenant a day. They count apart from Browse calls; a limit of 5,000 a day, as other APIs have, is confirmed
 * nowhere, so this stays far below it. With two weeks kept twice, new words every day fill Redis with about 30 MB.
 */
const DAILY_CALLS = 500;
/** After a call that failed no process calls for the same tenant for this long, ms. */
const AFTER_FAILURE_MS = 60_000;
/** Between two looks at whether another process has read it, ms. */
const LOOK_AGAIN_MS = 50;
/** Callers of a tenant that a process has wait for its next call. One of them at a time looks. */
const MAX_WAITING = 20;
/** Names are kept for as long again as they count as new: while eBay fails, old ones are used. */
export const KEPT_AGAIN = 2;
/** eBay's trees have six levels; a circle of parents must end all the same. */
const MAX_LEVELS = 12;
const MAX_SUGGESTIONS = 10;
/** The root of a tree is no category. */
const ROOT = '0';
const NOT_FOUND = 404;
const FORBIDDEN = 403;

/** A value as it is stored, and when eBay said it, ms since the epoch. */
interface Kept<Value> {
  at: number;
  value: Value;
}

/** A category as it is stored; null: eBay has none of this id. */
type Node = { name: string; parent: string | null } | null;

/**
 * Names of categories, from eBay's Taxonomy API, kept in Redis for weeks and read once for all processes. Its calls are no
 * Browse calls: they do not pass the call gate, and have a pace and a bound of their own.
 */
export class CategoryNames {
  readonly #options: CategoryNamesOptions;
  readonly #log: Logger;
  #axios: AxiosInstance | undefined;
  /** Ends when the last caller of this process has its answer. */
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: CategoryNamesOptions) {
    this.#options = options;
    this.#log = options.log ?? NOOP_LOGGER;
  }

  /**
   * The categories that eBay suggests for some words, the likeliest first. eBay's sandbox answers with filler text.
   * @throws Failure as of a call; `credential-refused` where the answer is not known and this process has no keyset
   */
  async suggested(marketplace: string, words: string): Promise<FoundCategories> {
    const q = words.normalize('NFC').replace(/\s+/g, ' ').trim().toLowerCase();
    const hash = createHash('sha256').update(q).digest('hex').slice(0, 32);
    const { at, value } = await this.#kept(`${marketplace}:words:${hash}`, async () => {
      const tree = await this.#tree(marketplace);
      const body = await this.#call(`/category_tree/${tree}/get_category_suggestions`, { q });
      const found = list(body.categorySuggestions).slice(0, MAX_SUGGESTIONS).flatMap(readSuggestion);
      await this.#keepNodes(marketplace, found);
      return found.map((path) => categoryOf(path));
    });
    return { categories: value, observedAt: new Date(at).toISOString() };
  }

  /** The category of an id; none where eBay has none. One call for each level that is not known. @throws as `suggested` */
  async named(marketplace: string, id: string): Promise<FoundCategories> {
    const path: Array<{ id: string; name: string }> = [];
    let observedAt = Number.POSITIVE_INFINITY;
    for (let next: string | null = id; next !== null && path.length < MAX_LEVELS; ) {
      const current: string = next;
      const node: Kept<Node> | undefined = await this.#kept(nodeKey(marketplace, current), () =>
        this.#readNode(marketplace, current),
      ).catch((error) => {
        // A name without its path is better than none.
        if (path.length > 0 && error instanceof Failure) return undefined;
        throw error;
      });
      if (node === undefined) break;
      observedAt = Math.min(observedAt, node.at);
      if (node.value !== null) path.unshift({ id: current, name: node.value.name });
      next = node.value?.parent ?? null;
    }
    const categories = path.at(-1)?.id === id ? [categoryOf(path)] : [];
    return { categories, observedAt: new Date(observedAt).toISOString() };
  }

  close(): void {
    if (this.#axios !== undefined) closeAxios(this.#axios);
  }

  async #readNode(marketplace: string, id: string): Promise<Node> {
    const tree = await this.#tree(marketplace);
    try {
      const path = `/category_tree/${tree}/get_category_subtree`;
      const { categorySubtreeNode } = await this.#call(path, { category_id: id });
      return readNode(categorySubtreeNode);
    } catch (error) {
      // Without an error id, something on the way to eBay answered.
      const { status, errorId } = asFailure(error).detail;
      if (status === NOT_FOUND && errorId !== undefined) return null;
      throw error;
    }
  }

  async #tree(marketplace: string): Promise<string> {
    const key = this.#key(`${marketplace}:tree`);
    const kept = await this.#read<string>(key);
    if (kept !== undefined && this.#isNew(kept)) return kept.value;
    const body = await this.#call('/get_default_category_tree_id', { marketplace_id: marketplace });
    const tree = digits(body.categoryTreeId);
    if (tree === null) throw new Failure('ebay-bad-answer', 'eBay’s answer names no category tree');
    await this.#keep(key, tree);
    return tree;
  }

  /** What is stored and new; else what `read` answers; else what is stored and old. */
  async #kept<Value>(name: string, read: () => Promise<Value>): Promise<Kept<Value>> {
    const { config, unavailableReason } = this.#options;
    const key = this.#key(name);
    const kept = await this.#read<Value>(key);
    if (kept !== undefined && this.#isNew(kept)) return kept;
    if (unavailableReason !== undefined) {
      if (kept !== undefined) return kept;
      const message = `this is not known here, and this process cannot ask eBay: ${unavailableReason}`;
      throw new Failure('credential-refused', message);
    }
    // Old names now are better than new ones later.
    if (kept !== undefined && this.#waiting > 0) return kept;
    if (this.#waiting >= MAX_WAITING) throw this.#busy();
    this.#waiting += 1;
    const giveUpAt = performance.now() + (kept === undefined ? config.ebay.callTimeout * 1000 : 0);
    const asked = this.#line
      .then(() => this.#ask(key, read, giveUpAt))
      .finally(() => {
        this.#waiting -= 1;
      });
    this.#line = asked.catch(() => undefined);
    return asked.catch((error) => {
      if (kept !== undefined) return kept;
      throw error;
    });
  }

  /** What `read` answers, which one process of the fleet asks at a time, or what another one has read meanwhile. */
  async #ask<Value>(key: string, read: () => Promise<Value>, giveUpAt: number): Promise<Kept<Value>> {
    const { redis, config } = this.#options;
    const claim = this.#key('call');
    // Two calls, and as long again for a token.
    const claimedMs = Math.ceil(4 * config.ebay.callTimeout * 1000);
    for (;;) {
      const latest = await this.#read<Value>(key);
      if (latest !== undefined && this.#isNew(latest)) return latest;
      await this.#checkFailed();
      if ((await redis.set(claim, '1', 'PX', claimedMs, 'NX')) === 'OK') break;
      if (performance.now() > giveUpAt) throw this.#busy();
      await sleep(LOOK_AGAIN_MS);
    }
    try {
      // Another process may have read it between the look and the claim.
      const latest = await this.#read<Value>(key);
      if (latest !== undefined && this.#isNew(latest)) return latest;
      return await this.#keep(key, await read());
    } catch (thrown) {
      const failure = asFailure(thrown);
      const { code, message } = failure;
      this.#log.warn('category names not read', { code, reason: message });
      if (isOfApi(failure)) await this.#markFailed(failure);
      throw failure;
    } finally {
      // The next call of any tenant may leave after this time.
      const pauseMs = Math.max(1, Math.ceil(config.pace.minApiCallInterval * 1000));
      await redis.set(claim, '1', 'PX', pauseMs);
    }
  }

  /** Another tenant's keyset may still be answered. */
  async #markFailed(failure: Failure): Promise<void> {
    const { until } = failure.detail;
    const ms = until === undefined ? AFTER_FAILURE_MS : Math.max(1, until - (await this.#now()));
    await this.#options.redis.set(this.#failedKey, reasonOf(failure), 'PX', Math.ceil(ms));
  }

  /** @throws Failure where a call of this tenant failed a moment ago, or its calls of the day are made */
  async #checkFailed(): Promise<void> {
    const { redis } = this.#options;
    const reason = await redis.get(this.#failedKey);
    if (reason === null) return;
    const until = Date.now() + Math.max(0, await redis.pttl(this.#failedKey));
    const message = `eBay’s Taxonomy API is not asked again yet: ${parseReason(reason).message}`;
    throw new Failure('ebay-throttled', message, { until });
  }

  #busy(): Failure {
    const message = 'eBay’s Taxonomy API is being asked for others: try again in a moment';
    return new Failure('ebay-throttled', message, {
      until: Date.now() + this.#options.config.ebay.callTimeout * 1000,
    });
  }

  /** @throws Failure */
  async #call(path: string, params: Record<string, string>): Promise<Record<string, unknown>> {
    const reading = await this.#send(path, params, await this.#options.tokens.getAccessToken());
    if (reading.is === 'body') return reading.body;
    if (reading.is === 'failure') throw reading.failure;
    if (reading.is === 'throttled') throw new Failure('ebay-throttled', 'eBay throttles its Taxonomy API');
    // Browse calls alone replace a token: this API may refuse a keyset that they work with, and three refused tokens stop them.
    const message =
      'eBay refused the token for its Taxonomy API; if it has ended, the next search replaces it';
    throw new Failure('token-refused', message, { status: 401 });
  }

  async #send(path: string, params: Record<string, string>, token: string) {
    const { config } = this.#options;
    await this.#count();
    this.#axios ??= axiosClient(apiOrigin(config.ebay), config.ebay);
    const deadline = new Deadline(undefined);
    const template = TAXONOMY + path.replace(/\d+/, '{category_tree_id}');
    try {
      deadline.start(config.ebay.callTimeout * 1000);
      const answer = await plainGet(this.#axios, TAXONOMY + path, {
        token,
        params,
        template,
        signal: deadline.signal,
      });
      // Without content: nothing was found.
      if (answer.status === 204) return { is: 'body' as const, body: {} };
      return readAnswer(answer, 'taxonomy');
    } catch (error) {
      throw networkFailure(error, deadline);
    } finally {
      deadline.close();
    }
  }

  /** @throws Failure where the calls of the day are made */
  async #count(): Promise<void> {
    const { redis, tenant } = this.#options;
    const now = await this.#now();
    const key = this.#key(`calls:${tenant}:${pacificDay(now)}`);
    const endsAt = pacificDayEnd(pacificDayEnd(now));
    const [counted] = (await redis.multi().incr(key).pexpireat(key, endsAt).exec()) ?? [];
    const [error, made] = counted ?? [];
    if (error) throw error;
    if (Number(made) <= DAILY_CALLS) return;
    const message = `the ${DAILY_CALLS} calls of the day for category names are made`;
    throw new Failure('ebay-throttled', message, { until: pacificDayEnd(now) });
  }

  /** What a suggestion says of the categories above is an answer for each of them. */
  async #keepNodes(marketplace: string, paths: ReadonlyArray<ReadonlyArray<{ id: string; name: string }>>) {
    const nodes = new Map<string, Node>();
    for (const path of paths)
      for (const [level, { id, name }] of path.entries())
        nodes.set(id, { name, parent: path[level - 1]?.id ?? null });
    await Promise.all([...nodes].map(([id, node]) => this.#keep(this.#key(nodeKey(marketplace, id)), node)));
  }

  async #keep<Value>(key: string, value: Value): Promise<Kept<Value>> {
    const { redis, config } = this.#options;
    const kept = { at: await this.#now(), value };
    await redis.set(
      key,
      JSON.stringify(kept),
      'PX',
      Math.ceil(config.search.categoryNamesTtl * 1000 * KEPT_AGAIN),
    );
    return kept;
  }

  async #read<Value>(key: string): Promise<Kept<Value> | undefined> {
    const json = await this.#options.redis.get(key).catch((error: Error) => {
      if (error.message.startsWith('WRONGTYPE')) return null;
      throw error;
    });
    // Without the first reading, this process's own clock would say how old it is.
    if (json !== null) await this.#now();
    // What another program has put there is absent.
    const kept = parseObject(json ?? '');
    if (!Number.isSafeInteger(kept?.at) || kept?.value === undefined) return undefined;
    return kept as unknown as Kept<Value>;
  }

  #isNew({ at }: Kept<unknown>): boolean {
    const { redis, prefix, config } = this.#options;
    return clockOf(redis, prefix).now() - at < config.search.categoryNamesTtl * 1000;
  }

  #now(): Promise<number> {
    const { redis, prefix } = this.#options;
    return clockOf(redis, prefix).current();
  }

  #key(name: string): string {
    const { prefix, config } = this.#options;
    return `${prefix}:categories:${config.ebay.environment}:${name}`;
  }

  get #failedKey(): string {
    return this.#key(`failed:${this.#options.tenant}`);
  }
}

/** Whether another lookup would fail too: not what eBay says of these words or this id, nor a token that this process cannot get. */
function isOfApi({ code, detail, retryable }: Failure): boolean {
  if (code === 'token-refused') return true;
  const { status, errorId } = detail;
  return code.startsWith('ebay-') && (retryable || status === FORBIDDEN || errorId === undefined);
}

function nodeKey(marketplace: string, id: string): string {
  return `${marketplace}:id:${id}`;
}

function categoryOf(path: ReadonlyArray<{ id: string; name: string }>): Category {
  const { id = '', name = '' } = path.at(-1) ?? {};
  return { id, name, path: path.map((each) => each.name) };
}

/** A suggested category below the ones above it, from the top down. */
function readSuggestion(json: unknown): Array<Array<{ id: string; name: string }>> {
  if (!isObject(json)) return [];
  const own = readCategory(json.category);
  if (own === null) return [];
  const above = list(json.categoryTreeNodeAncestors)
    .slice(0, MAX_LEVELS)
    .flatMap((each) => {
      const category = readCategory(each);
      const level = isObject(each) ? each.categoryTreeNodeLevel : undefined;
      return category === null ? [] : [{ ...category, level: typeof level === 'number' ? level : 0 }];
    })
    .sort((a, b) => a.level - b.level)
    .map(({ id, name }) => ({ id, name }));
  return [[...above, own]];
}

/** @throws Failure where it is no category */
function readNode(json: unknown): Node {
  const {
    category,
    parentCategoryTreeNodeHref: href,
    categoryTreeNodeLevel: level,
  } = isObject(json) ? json : {};
  const own = readCategory(category);
  if (own === null) throw new Failure('ebay-bad-answer', 'eBay’s answer names no category');
  const parent =
    level === 1 || typeof href !== 'string'
      ? null
      : (/[?&]category_id=(\d{1,10})(?:&|$)/.exec(href)?.[1] ?? null);
  return { name: own.name, parent: parent === own.id || parent === ROOT ? null : parent };
}

function readCategory(json: unknown): { id: string; name: string } | null {
  if (!isObject(json)) return null;
  const { categoryId, categoryName } = json;
  const id = digits(categoryId);
  if (id === null || typeof categoryName !== 'string') return null;
  const name = categoryName
    .slice(0, 200)
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(INVISIBLE, '')
    .trim();
  return name === '' ? null : { id, name };
}

function digits(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^\d{1,10}$/.test(text) ? text : null;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
