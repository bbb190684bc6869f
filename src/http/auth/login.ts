import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import type { App } from '../access.ts';
import { type Html, html } from '../page/html.ts';
import { Problem, problem } from '../problem.ts';
import { type ApiKeys, isOver } from './apiKeys.ts';
import type { Authenticator, Caller } from './authenticator.ts';
import { ROLE_TEXTS } from './roles.ts';

/** What decides who may see the page and the dashboard. */
export interface AccessParts {
  redis: Redis;
  prefix: string;
  keys: Pick<ApiKeys, 'read' | 'now'>;
  hasTenant: (tenant: string) => boolean;
  /** Undefined: no login, on a loopback address only. */
  authenticator: Authenticator | undefined;
}

export interface Session {
  caller: Caller;
  csrf: string;
}

export const SIGN_IN = '/sign-in';
export const SIGN_OUT = '/sign-out';

export const DASHBOARD = '/admin/queues';

const COOKIE = 'dpf_session';
/** The board's HTTP client sends the cookie of this name back as a header. */
const CSRF_COOKIE = 'XSRF-TOKEN';
/** Of a session, seconds. */
const LIFE_S = 12 * 3600;

/** The generation of sessions before anybody has signed out everywhere. */
const FIRST = '0';
/** Longer than any session lives, seconds. */
const GENERATION_S = 24 * 3600;

/** Shows a document of the page to somebody who need not be signed in. */
type Show = (reply: FastifyReply, title: string, content: Html) => Promise<FastifyReply>;

/**
 * Sessions of people who signed in with an API key, shared by all processes, for the page and the dashboard. The browser holds
 * a random secret in a cookie that no script can read; Redis holds its digest with the key's id and generation. Signing out
 * everywhere begins the next generation of a key, and sessions of another generation have ended.
 */
export class Login {
  readonly #parts: AccessParts & { authenticator: Authenticator };
  /** Browsers send the cookie to addresses below it. */
  readonly #path: string;
  readonly #dashboard: string;

  /** @param basePath of the server */
  constructor(parts: AccessParts & { authenticator: Authenticator }, basePath: string) {
    this.#parts = parts;
    this.#path = basePath || '/';
    this.#dashboard = basePath + DASHBOARD;
  }

  /**
   * Undefined without a session. A session ends with its key: when that is revoked or expires, or its tenant is removed. Every
   * change must carry `csrf`, which pages of other sites cannot read.
   */
  async session({ cookies }: Pick<FastifyRequest, 'cookies'>): Promise<Session | undefined> {
    const { redis, keys, hasTenant, authenticator } = this.#parts;
    const secret = cookies[COOKIE];
    const stored = secret === undefined ? null : await redis.get(this.#redisKey(secret));
    if (secret === undefined || stored === null) return undefined;
    const [keyId = '', generation] = stored.split(' ');
    const [key, now, present] = await Promise.all([
      keys.read(keyId),
      keys.now(),
      redis.get(this.#generationKey(keyId)),
    ]);
    if (key === undefined || generation !== (present ?? FIRST) || isOver(key.expiresAt, now))
      return undefined;
    if (!hasTenant(key.tenant)) return undefined;
    authenticator.noteUse(keyId);
    return { caller: key, csrf: digest(`csrf ${secret}`) };
  }

  /** Gives the session's token to the board, which reads it before each change. Another sign-in has another one. */
  giveToken(request: FastifyRequest, reply: FastifyReply, { csrf }: Session): void {
    if (request.cookies[CSRF_COOKIE] === csrf) return;
    const secure = cameByTls(request);
    reply.setCookie(CSRF_COOKIE, csrf, { path: this.#dashboard, sameSite: 'strict', secure });
  }

  /** The form that takes an API key. */
  addRoutes(app: App, show: Show): void {
    // A path of this server: no other site can redirect through it.
    const target = (next = '') => (/^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/');

    app.get(SIGN_IN, async ({ query }, reply) =>
      show(reply, TITLE, signInForm(target((query as FormValues).next))),
    );

    app.post(SIGN_IN, async (request, reply) => {
      requireOwnPage(request);
      const { key, next } = formOf(request);
      try {
        await this.#signIn(app, request, reply, String(key).trim());
        return reply.redirect(target(next), 303);
      } catch (error) {
        if (!(error instanceof Problem) || error.status >= 500) throw error;
        const mistake = error.status === 401 ? 'This key is not valid.' : `Not now: ${error.message}.`;
        return show(
          reply.code(error.status).headers(error.headers),
          TITLE,
          signInForm(target(next), mistake),
        );
      }
    });
  }

  /** Ends the session of this browser, or all sessions of its key. */
  async signOut(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { redis } = this.#parts;
    if (formOf(request).everywhere === '1') {
      const keyId = (await this.session(request))?.caller.id;
      const generations = keyId && this.#generationKey(keyId);
      if (generations) await redis.multi().incr(generations).expire(generations, GENERATION_S).exec();
    }
    await this.#endSession(request);
    reply.clearCookie(COOKIE, { path: this.#path }).clearCookie(CSRF_COOKIE, { path: this.#dashboard });
    return reply.redirect(SIGN_IN, 303);
  }

  /** @throws Problem 401 for a wrong key, 404 for one without a tenant, 429 after too many failures or requests */
  async #signIn(app: App, request: FastifyRequest, reply: FastifyReply, key: string): Promise<void> {
    const { redis, authenticator } = this.#parts;
    const caller = await authenticator.callerOf([`Bearer ${key}`], request.ip);
    app.admit(request, reply, caller);
    await this.#endSession(request);
    const secret = randomBytes(32).toString('base64url');
    const generations = this.#generationKey(caller.id);
    // Kept as long as there are sessions of it.
    await redis.expire(generations, GENERATION_S);
    const generation = (await redis.get(generations)) ?? FIRST;
    await redis.set(this.#redisKey(secret), `${caller.id} ${generation}`, 'EX', LIFE_S);
    const secure = cameByTls(request);
    reply.setCookie(COOKIE, secret, {
      ...{ path: this.#path, sameSite: 'strict', secure, httpOnly: true, maxAge: LIFE_S },
    });
  }

  async #endSession({ cookies }: FastifyRequest): Promise<void> {
    const secret = cookies[COOKIE];
    if (secret) await this.#parts.redis.del(this.#redisKey(secret));
  }

  #generationKey(keyId: string): string {
    return `${this.#parts.prefix}:sessions:${keyId}`;
  }

  /** Named `page` in earlier releases too: people stay signed in through an upgrade. */
  #redisKey(secret: string): string {
    return `${this.#parts.prefix}:session:page:${digest(secret)}`;
  }
}

const TITLE = 'Sign in';

function signInForm(next: string, mistake?: string): Html {
  const roles = Object.entries(ROLE_TEXTS).map(
    ([role, text]) => html`<dt><code>${role}</code></dt><dd>${text}</dd>`,
  );
  return html`<form class="sign-in box" method="post" action="${SIGN_IN}">
  <h1>${TITLE}</h1>
  <p>With an API key, as <code>dpf keys add</code> prints it. It opens this page and the dashboard, as its roles allow.</p>
  <input type="hidden" name="next" value="${next}">
  <p class="field"><label for="key">API key</label><input id="key" name="key" type="password" required autocomplete="current-password" autofocus${mistake && html` aria-invalid="true" aria-describedby="key-problem"`}>
  ${mistake && html`<span class="problem" id="key-problem" role="alert">${mistake}</span>`}</p>
  <button class="main">${TITLE}</button>
  <details><summary>What the roles of a key allow</summary>
    <dl class="roles">${roles}</dl>
    <p class="small">A key for the whole page: <code>dpf keys add NAME --roles ${Object.keys(ROLE_TEXTS).join(',')}</code></p>
  </details>
</form>`;
}

/** Whether the browser says, or a proxy for it, that it came by TLS: then its cookies are for TLS alone. */
export function cameByTls({ headers }: FastifyRequest): boolean {
  const { origin, referer } = headers;
  return /^https\b/i.test(String(headers['x-forwarded-proto'])) || /^https:/.test(origin ?? referer ?? '');
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
