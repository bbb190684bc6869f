import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import type { App } from '../access.ts';
import { type Html, html } from '../page/html.ts';
import { Problem, problem } from '../problem.ts';
import { type ApiKeys, isOver, type Role } from './apiKeys.ts';
import type { Authenticator, Caller } from './authenticator.ts';

/** What decides who may see the page and the dashboard. */
export interface AccessParts {
  redis: Redis;
  prefix: string;
  keys: Pick<ApiKeys, 'read' | 'now'>;
  hasTenant: (tenant: string) => boolean;
  /** Undefined: no login, on a loopback address only. */
  authenticator: Authenticator | undefined;
}

type Place = typeof PAGE;

/** A session of one place is not valid at the other. */
export const PAGE = {
  name: 'page',
  cookie: 'dpf_session',
  /** Browsers send its cookies to addresses below this path. */
  home: '/',
  signIn: '/sign-in',
  title: 'Sign in',
  hint: html`with an API key, as <code>dpf keys add</code> prints it.`,
  wrongKey: 'This key is not valid.',
  /** Of a session, seconds. */
  lifeS: 12 * 3600,
  /** The role that a key needs to log in. */
  role: undefined as Role | undefined,
};

export const DASHBOARD: Place = {
  name: 'dashboard',
  cookie: 'dpf_dashboard',
  home: '/admin/queues',
  signIn: '/admin/queues/login',
  title: 'Log in',
  hint: html`Paste an API key with the role <code>operate</code> (<code>dpf keys add</code>).`,
  wrongKey: 'This is no valid API key.',
  lifeS: 8 * 3600,
  role: 'operate',
};

/** The board's HTTP client sends the cookie of this name back as a header. */
const CSRF_COOKIE = 'XSRF-TOKEN';

/** The generation of sessions before anybody has signed out everywhere. */
const FIRST = '0';
/** Longer than any session lives, seconds. */
const GENERATION_S = 24 * 3600;

/**
 * Sessions of people who logged in with an API key, shared by all processes. The browser holds a random secret in a cookie
 * that no script can read; Redis holds its digest with the key's id and generation. Signing out everywhere begins the next
 * generation of a key, and sessions of another generation have ended.
 */
export class Login {
  readonly #parts: AccessParts & { authenticator: Authenticator };
  readonly #place: Place;
  readonly #basePath: string;

  /** @param basePath of the server */
  constructor(parts: AccessParts & { authenticator: Authenticator }, place: Place, basePath: string) {
    this.#parts = parts;
    this.#place = place;
    this.#basePath = basePath;
  }

  /**
   * Undefined without a session. A session ends with its key: when that is revoked, expires, lacks the role, or its tenant
   * is removed. One of the dashboard also ends with the page's session that the browser had. Every change must carry `csrf`,
   * which pages of other sites cannot read.
   */
  async session({ cookies }: FastifyRequest): Promise<{ caller: Caller; csrf: string } | undefined> {
    const { redis, keys, hasTenant, authenticator } = this.#parts;
    const { role, cookie } = this.#place;
    const secret = cookies[cookie];
    const stored = secret === undefined ? null : await redis.get(this.#redisKey(secret));
    if (secret === undefined || stored === null) return undefined;
    const [keyId = '', generation, parent] = stored.split(' ');
    const [key, now, present, hasParent] = await Promise.all([
      keys.read(keyId),
      keys.now(),
      redis.get(this.#generationKey(keyId)),
      parent === undefined || redis.exists(parent),
    ]);
    if (key === undefined || isOver(key.expiresAt, now) || generation !== (present ?? FIRST) || !hasParent)
      return undefined;
    const isAllowed = (role === undefined || key.roles.includes(role)) && hasTenant(key.tenant);
    if (isAllowed) authenticator.noteUse(keyId);
    return isAllowed ? { caller: key, csrf: digest(`csrf ${secret}`) } : undefined;
  }

  /** The form that takes an API key. */
  addRoutes(app: App, show: (reply: FastifyReply, title: string, content: Html) => FastifyReply): void {
    const { home, signIn, title, hint, wrongKey } = this.#place;
    // A path of this server: no other site can redirect through it.
    const target = (next = '') => (/^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : home);
    const form = (
      next?: string,
      mistake?: string,
    ) => html`<form class="sign-in" method="post" action="${signIn}">
  <h1>${title}</h1>
  <p>${hint}</p>
  <input type="hidden" name="next" value="${target(next)}">
  <p class="field"><label for="key">API key</label><input id="key" name="key" type="password" required autocomplete="current-password" autofocus${mistake && html` aria-invalid="true" aria-describedby="key-problem"`}>
  ${mistake && html`<span class="problem" id="key-problem" role="alert">${mistake}</span>`}</p>
  <button class="main">${title}</button>
</form>`;

    app.get(signIn, async ({ query }, reply) => show(reply, title, form((query as FormValues).next)));

    app.post(signIn, async (request, reply) => {
      requireOwnPage(request, this.#place === DASHBOARD);
      const { key, next } = formOf(request);
      try {
        await this.#logIn(app, request, reply, String(key).trim());
        return reply.redirect(target(next), 303);
      } catch (error) {
        if (!(error instanceof Problem) || error.status >= 500) throw error;
        const mistake = error.status === 401 ? wrongKey : `Not now: ${error.message}.`;
        return show(reply.code(error.status).headers(error.headers), title, form(next, mistake));
      }
    });
  }

  /** Ends the session of this browser, or all sessions of its key, at both places. */
  async logOut(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { redis } = this.#parts;
    if (formOf(request).everywhere === '1') {
      const keyId = (await this.session(request))?.caller.id;
      const generations = keyId && this.#generationKey(keyId);
      if (generations) await redis.multi().incr(generations).expire(generations, GENERATION_S).exec();
    }
    await this.#endSession(request);
    for (const place of this.#place === PAGE ? [PAGE, DASHBOARD] : [DASHBOARD])
      reply.clearCookie(place.cookie, { path: this.#pathOf(place) });
    const path = this.#pathOf(DASHBOARD);
    return reply.clearCookie(CSRF_COOKIE, { path }).redirect(this.#place.signIn, 303);
  }

  /** @throws Problem 401 for a wrong key, 403 without the role, 429 after too many failures or requests */
  async #logIn(app: App, request: FastifyRequest, reply: FastifyReply, key: string): Promise<void> {
    const { redis, authenticator } = this.#parts;
    const { lifeS, role, cookie: name } = this.#place;
    const { ip, headers, cookies } = request;
    const caller = await authenticator.callerOf([`Bearer ${key}`], ip);
    app.admit(request, reply, caller);
    const { id, roles } = caller;
    if (role !== undefined && !roles.includes(role))
      throw problem(403, 'missing_role', `this key does not have the role ${role}`);
    await this.#endSession(request);
    const secret = randomBytes(32).toString('base64url');
    // Kept as long as there are sessions of it.
    await redis.expire(this.#generationKey(id), GENERATION_S);
    const generation = (await redis.get(this.#generationKey(id))) ?? FIRST;
    const ofPage = this.#place === PAGE ? '' : this.#redisKey(cookies[PAGE.cookie] ?? '', PAGE);
    const parts = [id, generation, ...(ofPage !== '' && (await redis.exists(ofPage)) ? [ofPage] : [])];
    await redis.set(this.#redisKey(secret), parts.join(' '), 'EX', lifeS);
    // Over TLS only where the browser came by TLS.
    const secure =
      /^https\b/i.test(String(headers['x-forwarded-proto'])) || String(headers.origin).startsWith('https:');
    const cookie = { path: this.#pathOf(this.#place), sameSite: 'strict', secure } as const;
    if (this.#place === PAGE) reply.setCookie(name, secret, { ...cookie, httpOnly: true, maxAge: lifeS });
    // Those of the dashboard end with the browser too.
    else
      reply
        .setCookie(name, secret, { ...cookie, httpOnly: true })
        .setCookie(CSRF_COOKIE, digest(`csrf ${secret}`), cookie);
  }

  async #endSession({ cookies }: FastifyRequest): Promise<void> {
    const secret = cookies[this.#place.cookie];
    if (secret) await this.#parts.redis.del(this.#redisKey(secret));
  }

  #pathOf({ home }: Place): string {
    return this.#basePath !== '' && home === '/' ? this.#basePath : this.#basePath + home;
  }

  #generationKey(keyId: string): string {
    return `${this.#parts.prefix}:sessions:${keyId}`;
  }

  #redisKey(secret: string, { name } = this.#place): string {
    return `${this.#parts.prefix}:session:${name}:${digest(secret)}`;
  }
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

/** Fields of a posted form. A field that comes more than once has its values in lines. */
export type FormValues = Readonly<Record<string, string>>;

/** Fields of one form; the longest has a few dozen, and one for each chosen value of an aspect. */
const MAX_FIELDS = 2000;

export function acceptForms(app: App): void {
  const parse = async (_: FastifyRequest, body: string) => {
    if (body.split('&', MAX_FIELDS + 1).length > MAX_FIELDS)
      throw problem(400, 'too_many_fields', `a form may have at most ${MAX_FIELDS} fields`);
    // In one pass: anyone can send a form, also without a key.
    const fields = new Map<string, string[]>();
    for (const [name, value] of new URLSearchParams(body)) {
      const values = fields.get(name);
      if (values === undefined) fields.set(name, [value]);
      else values.push(value);
    }
    return Object.fromEntries([...fields].map(([name, values]) => [name, values.join('\n')]));
  };
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, parse);
}

/** The values of a field that may come more than once. */
export function valuesOf(value: string | undefined): string[] {
  return value ? value.split('\n') : [];
}

export function formOf({ body }: FastifyRequest): Partial<FormValues> {
  return body ?? {};
}
