import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import type { App } from '../access.ts';
import { problem } from '../problem.ts';
import { type ApiKey, type ApiKeys, isOver, type Role } from './apiKeys.ts';
import type { Authenticator } from './authenticator.ts';

/** What decides who may see the page and the dashboard. */
export interface AccessParts {
  redis: Redis;
  prefix: string;
  keys: Pick<ApiKeys, 'read'>;
  /** Undefined: no login, on a loopback address only. */
  authenticator: Authenticator | undefined;
}

interface LoginOptions extends AccessParts {
  authenticator: Authenticator;
  /** A session of one place is not valid at the other. */
  place: 'page' | 'dashboard';
  /** Browsers send the cookie to addresses below this path. */
  path: string;
  /** Of a session, seconds. */
  lifeS: number;
  /** The role that a key needs to log in. */
  role?: Role;
}

interface Session {
  key: ApiKey;
  /** Every change must carry it; pages of other sites cannot read it. */
  csrf: string;
}

const COOKIE = 'dpf_session';

/**
 * Sessions of people who logged in with an API key, shared by all processes. The browser holds a random secret in a cookie
 * that no script can read; Redis holds its digest and the key's id.
 */
export class Login {
  readonly #options: LoginOptions;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /** Undefined without a session. A session ends with its key: when that is revoked, expires, or lacks the role. */
  async session({ cookies }: FastifyRequest): Promise<Session | undefined> {
    const { redis, keys, role } = this.#options;
    const secret = cookies[COOKIE];
    const keyId = secret === undefined ? null : await redis.get(this.#redisKey(secret));
    const key = keyId === null ? undefined : await keys.read(keyId);
    if (secret === undefined || key === undefined || isOver(key.expiresAt)) return undefined;
    return role === undefined || key.roles.includes(role) ? { key, csrf: csrfOf(secret) } : undefined;
  }

  /** Returns the CSRF token. @throws Problem 401 for a wrong key, 403 without the role, 429 after too many failures */
  async logIn(request: FastifyRequest, reply: FastifyReply, key: string): Promise<string> {
    const { redis, authenticator, role, lifeS, place } = this.#options;
    const { id, roles } = await authenticator.callerOf([`Bearer ${key.trim()}`], request.ip);
    if (role !== undefined && !roles.includes(role))
      throw problem(403, 'missing_role', `this key does not have the role ${role}`);
    const secret = randomBytes(32).toString('base64url');
    await redis.set(this.#redisKey(secret), id, 'EX', lifeS);
    const cookie = { ...this.cookieOptions(request), httpOnly: true };
    // The dashboard's ends with the browser too.
    reply.setCookie(COOKIE, secret, place === 'page' ? { ...cookie, maxAge: lifeS } : cookie);
    return csrfOf(secret);
  }

  async logOut({ cookies }: FastifyRequest, reply: FastifyReply): Promise<void> {
    const secret = cookies[COOKIE];
    if (secret) await this.#options.redis.del(this.#redisKey(secret));
    reply.clearCookie(COOKIE, { path: this.#options.path });
  }

  /** Never sent with links and forms of other sites, and over TLS only where the browser came by TLS. */
  cookieOptions({ headers }: FastifyRequest) {
    const secure = headers['x-forwarded-proto'] === 'https' || String(headers.origin).startsWith('https:');
    return { path: this.#options.path, sameSite: 'strict', secure } as const;
  }

  #redisKey(secret: string): string {
    const { prefix, place } = this.#options;
    return `${prefix}:session:${place}:${digest(secret)}`;
  }
}

function csrfOf(secret: string): string {
  return digest(`csrf ${secret}`);
}

/** Compares in constant time. */
export function isCsrfToken(presented: unknown, token: string): boolean {
  return timingSafeEqual(Buffer.from(digest(String(presented))), Buffer.from(digest(token)));
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}

/**
 * Browsers send `Origin` with every change, and no script can set it.
 * @param mustHaveOrigin otherwise programs pass too, which send neither `Origin` nor `Sec-Fetch-Site`
 * @throws Problem 403 unless a browser sends this from a page of this server
 */
export function requireOwnPage({ headers }: FastifyRequest, mustHaveOrigin = false): void {
  const { origin, host, 'sec-fetch-site': site } = headers;
  const isOwnOrigin = URL.canParse(origin ?? '') && new URL(origin as string).host === host;
  const isOwnPage = site === undefined ? isOwnOrigin || origin === undefined : site === 'same-origin';
  if (!isOwnPage || (mustHaveOrigin && !isOwnOrigin))
    throw problem(403, 'cross_site', 'this can be requested from its own pages only');
}

/** Fields of a posted form. */
export type FormValues = Readonly<Record<string, string>>;

export function acceptForms(app: App): void {
  const parse = async (_: FastifyRequest, body: string) => Object.fromEntries(new URLSearchParams(body));
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, parse);
}
