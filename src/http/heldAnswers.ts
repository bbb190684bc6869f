import type { FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, OPEN, type RouteRule } from './access.ts';
import { type ApiKeys, isOver } from './auth/apiKeys.ts';
import type { Caller } from './auth/authenticator.ts';
import { type Problem, problem } from './problem.ts';

interface HeldOptions {
  /** Answers that this process holds open at most; half of them may be of one key. */
  most: number;
  keys: Pick<ApiKeys, 'readMany' | 'now'>;
  /** Whether there is such a tenant. */
  hasTenant: (tenant: string) => boolean;
}

interface Held {
  caller: Caller;
  access: RouteRule['access'];
  ending: AbortController;
}

/** How often the keys of all open answers are read, ms: one command for all of them, and none without open answers. */
const LOOK_EVERY_MS = 1000;

/** Answers that stay open: event streams, `?wait=`, streams of products. They are limited, and end with their key. */
export class HeldAnswers {
  readonly #options: HeldOptions;
  readonly #open = new Set<Held>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: HeldOptions) {
    this.#options = options;
  }

  /**
   * Counts an answer until it is sent or its client has left. The signal aborts then, when the server closes, and with a
   * Problem as its reason within two seconds after the key was revoked, expired, or lost its role or tenant.
   * @param access what the key must have; default: as its route says @throws Problem 429 or 503 when too many are open
   */
  hold(
    request: FastifyRequest,
    reply: FastifyReply,
    access: RouteRule['access'] = request.routeOptions.config.access,
  ): AbortSignal {
    const { most } = this.#options;
    const caller = callerOf(request);
    // The client left while the route read the search: the answer's `close` was before.
    if (reply.raw.destroyed) return AbortSignal.abort();
    if (this.#open.size >= most)
      throw problem(503, 'too_many_streams', 'too many answers are held open here', { retryAfter: 5 });
    const own = [...this.#open].filter((each) => each.caller.id === caller.id);
    if (own.length >= Math.max(1, most / 2))
      throw problem(429, 'too_many_streams', 'this key holds too many answers open', { retryAfter: 5 });
    const ending = new AbortController();
    const held = { caller, access, ending };
    this.#open.add(held);
    if (this.#closed) ending.abort();
    reply.raw.once('close', () => {
      this.#open.delete(held);
      ending.abort();
    });
    this.#timer ??= this.#lookLater();
    return ending.signal;
  }

  /** Ends all. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { ending } of this.#open) ending.abort();
  }

  #lookLater(): NodeJS.Timeout | undefined {
    if (this.#closed || this.#open.size === 0) return undefined;
    return setTimeout(async () => {
      // Without Redis nothing is known to have ended.
      await this.#look().catch(() => undefined);
      this.#timer = this.#lookLater();
    }, LOOK_EVERY_MS);
  }

  async #look(): Promise<void> {
    const { keys, hasTenant } = this.#options;
    const held = [...this.#open];
    const ids = [...new Set(held.map(({ caller }) => caller.id))].filter((id) => id !== OPEN.id);
    const [stored, now] = ids.length === 0 ? [[], 0] : await Promise.all([keys.readMany(ids), keys.now()]);
    const callers = new Map<string, Caller>([[OPEN.id, OPEN]]);
    for (const key of stored) if (key && !isOver(key.expiresAt, now)) callers.set(key.id, key);
    for (const { caller, access = [], ending } of held) {
      const { tenant, roles } = callers.get(caller.id) ?? { tenant: null, roles: [] };
      const isAllowed = roles.some((role) => access.includes(role));
      if (tenant !== caller.tenant || !hasTenant(tenant) || !isAllowed) ending.abort(keyEnded());
    }
  }
}

function keyEnded(): Problem {
  return problem(401, 'unauthorized', 'the key of this answer has ended', {
    headers: { 'www-authenticate': 'Bearer realm="dropship-product-finder"' },
  });
}
