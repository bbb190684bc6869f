import type { FastifyReply } from 'fastify';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import { type App, callerOf, OPEN } from '../access.ts';
import type { ProducerOf } from '../api/searches.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import {
  type AccessParts,
  type FormValues,
  formOf,
  isCsrfToken,
  Login,
  PAGE,
  requireOwnPage,
} from '../auth/login.ts';
import { problem } from '../problem.ts';
import { contentPolicy } from '../server.ts';
import { readAssets, serveAssets } from './assets.ts';
import { type Document, type Html, layout, rendered } from './html.ts';
import { PersonalStore } from './personal.ts';

export interface PageOptions extends AccessParts {
  producerOf: ProducerOf;
  quotaOf: (tenant: string) => Promise<QuotaReport>;
  /** The latest events, newest first. */
  latestOf: (tenant: string) => Promise<ServiceEvent[]>;
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
  query: FormValues;
  form: FormValues;
}

export type Answer = (visit: Visit) => Promise<FastifyReply | string>;

export type Page = ReturnType<typeof openPage>;

/** What the routes of the page have in common. */
export function openPage(app: App, options: PageOptions) {
  const { authenticator, producerOf } = options;
  const assets = readAssets();
  serveAssets(app, assets);
  const policy = pagePolicy(options.apiOrigin);
  const login = authenticator && new Login({ ...options, authenticator }, PAGE, app.basePath);
  /** Sends a part of a page. */
  const send = (reply: FastifyReply, content: Html) =>
    reply
      .type('text/html; charset=utf-8')
      // With no-referrer browsers send no origin with a form.
      .headers({ 'content-security-policy': policy, 'referrer-policy': 'same-origin' })
      .send(rendered(content, app.basePath));
  const show = ({ reply, csrf, caller }: Pick<Visit, 'reply'> & Partial<Visit>, document: Document) =>
    send(reply, layout(assets, document, csrf && caller ? { csrf, keyName: caller.name } : undefined));
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
          return reply.redirect(`/sign-in?next=${encodeURIComponent(next)}`, 303);
        }
        const { caller, csrf } = who;
        app.admit(request, reply, caller);
        if (!caller.roles.includes(role))
          throw problem(403, 'missing_role', `this needs a key with the role ${role}`);
        request.csrf = csrf;
      },
      handler: async (request, reply) => {
        const { csrf } = request;
        const caller: Caller = { ...callerOf(request), via: 'page' };
        const form = formOf(request) as FormValues;
        if (method === 'POST') requireToken(form, csrf);
        const { params, query } = request as Pick<Visit, 'params' | 'query'>;
        const answered = await answer({
          ...{ reply, caller, csrf, params, query, form },
          producer: producerOf(caller.tenant),
          may: (needed) => caller.roles.includes(needed),
          personal: new PersonalStore(options.redis, options.prefix, caller),
        });
        return typeof answered === 'string' ? reply.redirect(answered, 303) : answered;
      },
    });
  return { ...options, app, login, send, show, route };
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
