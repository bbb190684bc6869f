import type { FastifyReply, FastifyRequest } from 'fastify';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import { type App, callerOf, OPEN } from '../access.ts';
import type { CategoriesOf } from '../api/categories.ts';
import type { ProducerOf } from '../api/searches.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import {
  type AccessParts,
  type FormValues,
  formOf,
  isCsrfToken,
  Login,
  requireOwnPage,
  type Session,
  SIGN_IN,
} from '../auth/login.ts';
import type { HeldAnswers } from '../heldAnswers.ts';
import { type Problem, problem } from '../problem.ts';
import { contentPolicy } from '../server.ts';
import { readAssets, serveAssets } from './assets.ts';
import { errorPage } from './errorPage.ts';
import { type Document, type Html, rendered } from './html.ts';
import { type HasPage, layout, welcome } from './layout.ts';
import { unreadOf } from './news/unread.ts';
import { PersonalStore } from './personal.ts';

export interface PageOptions extends AccessParts {
  producerOf: ProducerOf;
  quotaOf: (tenant: string) => Promise<QuotaReport>;
  /** The latest events, newest first. */
  latestOf: (tenant: string) => Promise<ServiceEvent[]>;
  /** About how many events of a tenant are kept, and for how long at most, ms. */
  eventLimits: { kept: number; maxAgeMs: number };
  /** Answers that wait for the end of something. */
  held: HeldAnswers;
  /** Names of categories, with the keyset of a tenant. */
  categoriesOf: CategoriesOf;
  /** Of a search that names none. */
  marketplace: string;
  /** Of eBay's API; a simulator serves its pictures there too. */
  apiOrigin: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a session of the page; null without a login. */
    csrf: string | null;
  }
}

/** A request of somebody who may make it. */
export interface Visit {
  reply: FastifyReply;
  caller: Caller;
  /** Null without a login. */
  csrf: string | null;
  producer: SearchProducer;
  /** Whether the caller's key has a role: without it a control that needs it is not shown. */
  may: (role: Role) => boolean;
  personal: PersonalStore;
  params: { id: string; name: string };
  /** As `form`: a value that comes more than once is in lines. */
  query: FormValues;
  form: FormValues;
}

/** What a page is shown to. */
type Shown = { reply: FastifyReply; caller?: Caller | undefined; csrf?: string | null | undefined };

export type Answer = (visit: Visit) => Promise<FastifyReply | string>;

export type Page = ReturnType<typeof openPage>;

/** What the routes of the page have in common. */
export function openPage(app: App, options: PageOptions) {
  const { authenticator, producerOf } = options;
  const assets = readAssets();
  serveAssets(app, assets);
  const policy = pagePolicy(options.apiOrigin);
  const login = authenticator && new Login({ ...options, authenticator }, app.basePath);
  const has: HasPage = (url) => app.hasRoute({ method: 'GET', url });
  /** Sends a part of a page. */
  const send = (reply: FastifyReply, content: Html) =>
    reply
      .type('text/html; charset=utf-8')
      // With no-referrer browsers send no origin with a form.
      .headers({ 'content-security-policy': policy, 'referrer-policy': 'same-origin' })
      .send(rendered(content, app.basePath));
  const open = login === undefined ? OPEN : undefined;
  const show = async ({ reply, csrf = null, caller = open }: Shown, document: Document) => {
    const path = reply.request.url.replace(/\?.*$/s, '');
    const reader = caller && { caller, csrf, path, unread: await unread(caller, reply.statusCode) };
    return send(reply, layout(assets, document, reader, has));
  };
  /** Of the menu: a page without the number is better than none, also while Redis is away. */
  const unread = async (caller: Caller, status: number): Promise<number> => {
    if (!caller.roles.includes('read') || status >= 500) return 0;
    return unreadOf(options, caller).catch(() => 0);
  };
  /** Who made a request that failed. Not asked of Redis where the server itself failed. */
  const readerOf = async (request: FastifyRequest, status: number): Promise<Partial<Session>> => {
    const { caller, csrf } = request;
    if (caller && csrf) return { caller, csrf };
    if (login === undefined || status >= 500) return {};
    const cookies = request.cookies ?? app.parseCookie(request.headers.cookie ?? '');
    return (await login.session({ cookies }).catch(() => undefined)) ?? {};
  };
  /** Answers a problem with a page. */
  const showProblem = async (request: FastifyRequest, reply: FastifyReply, shown: Problem) => {
    const { method, url, is404: isUnknown } = request;
    const session = await readerOf(request, shown.status);
    const failed = {
      ...{ method, url, isUnknown, traceId: request.span?.traceId },
      caller: session.caller ?? open,
    };
    reply.code(shown.status).headers(shown.headers);
    return show({ ...session, reply }, errorPage(shown, failed, has));
  };
  app.problemPage.show = showProblem;
  app.decorateRequest('csrf', null);
  /**
   * Adds a route for signed-in people with this role. A string is where it leads.
   * @param more.bodyLimit bytes @param more.config beside who may call it
   */
  const route = (
    method: 'GET' | 'POST',
    url: string,
    role: Role,
    answer: Answer,
    more: { bodyLimit?: number; config?: { showsSecret: boolean } } = {},
  ) =>
    app.route({
      method,
      url,
      ...more,
      // Before the body is read: only a signed-in person may send one as large as a picture.
      onRequest: async (request, reply) => {
        if (method === 'POST') requireOwnPage(request);
        const who = login ? await login.session(request) : { caller: OPEN, csrf: null };
        if (who === undefined) {
          // After signing in: the page that was requested, where that can be repeated.
          const next = method === 'GET' && !request.url.includes('/status') ? request.url : '/';
          return reply.redirect(`${SIGN_IN}?next=${encodeURIComponent(next)}`, 303);
        }
        const { caller, csrf } = who;
        request.csrf = csrf;
        app.admit(request, reply, caller);
        if (caller.roles.includes(role)) return;
        if (url === '/') return show({ reply, caller, csrf }, welcome(caller, has));
        throw problem(403, 'missing_role', `this needs a key with the role ${role}`);
      },
      handler: async (request, reply) => {
        const { csrf } = request;
        const caller: Caller = { ...callerOf(request), via: 'page' };
        const form = formOf(request) as FormValues;
        if (method === 'POST') requireToken(form, csrf);
        const { params } = request as Pick<Visit, 'params'>;
        const answered = await answer({
          ...{ reply, caller, csrf, params, query: inLines(request.query), form },
          producer: producerOf(caller.tenant),
          may: (needed) => caller.roles.includes(needed),
          personal: new PersonalStore(options.redis, options.prefix, caller),
        });
        return typeof answered === 'string' ? reply.redirect(answered, 303) : answered;
      },
    });
  return { ...options, app, login, send, show, showProblem, route };
}

function inLines(query: unknown): FormValues {
  const values = Object.entries(query as Record<string, string | string[]>);
  return Object.fromEntries(values.map(([name, value]) => [name, [value].flat().join('\n')]));
}

export function requireToken({ _csrf }: Partial<FormValues>, csrf: string | null): void {
  if (csrf !== null && !isCsrfToken(_csrf, csrf))
    throw problem(403, 'stale_form', 'this form is of another session: load the page again');
}

/** eBay's picture servers; `{size}.jpg` of a listing is on the first, older pictures are on the others. */
const PICTURES = 'https://i.ebayimg.com https://*.ebayimg.com https://*.ebaystatic.com';

/** Pictures come from eBay, or from a simulator on this machine. */
function pagePolicy(apiOrigin: string): string {
  const { hostname, origin } = new URL(apiOrigin);
  const simulator = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) ? ` ${origin}` : '';
  return contentPolicy({ images: `'self' data: ${PICTURES}${simulator}` });
}
