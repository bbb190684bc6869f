import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import cookie from '@fastify/cookie';
import type { Queue } from 'bullmq';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import { type App, allowScope, OPEN, type Routes } from '../access.ts';
import {
  type AccessParts,
  acceptForms,
  DASHBOARD,
  isCsrfToken,
  Login,
  requireOwnPage,
} from '../auth/login.ts';
import { type Html, html, readAsset, wholePage } from '../page/html.ts';
import { notFound, problem } from '../problem.ts';
import { contentPolicy } from '../server.ts';
import { QueueView, TENANT_HEADER } from './queueView.ts';

export interface DashboardOptions extends AccessParts {
  /** The queues of a tenant, opened at its first login. A login shows its own tenant's. */
  queuesOf: (tenant: string) => ReadonlyArray<{ queue: Queue; description: string }>;
  /** Whether queues may be paused and jobs retried; otherwise read-only. */
  writes: boolean;
}

const { home: BASE, signIn: SIGN_IN } = DASHBOARD;
const CSRF_HEADER = 'x-xsrf-token';

/** Bull Board behind a login. */
export function dashboardRoutes(options: DashboardOptions): Routes {
  const { authenticator, queuesOf, redis, writes } = options;
  return async (app) => {
    allowScope(app, 'own-login');
    await app.register(cookie);
    // Titles and data of jobs are foreign text: even if a browser read this JSON as HTML, no tag would open.
    app.setReplySerializer((payload) => JSON.stringify(payload).replaceAll('<', '\\u003c'));
    app.addHook('onSend', async (_, reply, payload) => {
      // The board's page has a `<base>`.
      reply.header('content-security-policy', contentPolicy({ 'base-uri': "'self'" }));
      // With no-referrer browsers send no origin with a form.
      reply.header('referrer-policy', 'same-origin');
      const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
      return isPage && typeof payload === 'string' ? withoutForeignParts(payload) : payload;
    });
    // Other methods of a path below answer 405.
    app.get(`${BASE}/*`, () => {
      throw notFound();
    });
    const login = authenticator && new Login({ ...options, authenticator }, DASHBOARD);
    if (login !== undefined) loginRoutes(app, login);

    const adapter = new Adapter(writes);
    const { addQueue } = createBullBoard({
      queues: [],
      serverAdapter: adapter,
      options: {
        uiBasePath: dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json')),
        uiConfig: {
          boardTitle: 'Product finder',
          hideRedisDetails: true,
          hideDocsLink: true,
          ...(login && { miscLinks: [{ text: 'Log out', url: `${BASE}/logout` }] }),
        },
      },
    });
    adapter.setBasePath(BASE);
    const shown = new Set<string>();
    await app.register(async (board) => {
      board.addHook('onRequest', async (request, reply) => {
        const session = await login?.session(request);
        if (login && !session) return sendToLogin(request, reply);
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          requireOwnPage(request, true);
          if (session && !isCsrfToken(request.headers[CSRF_HEADER], session.csrf))
            throw problem(403, 'csrf', `a change needs the token of its page (${CSRF_HEADER})`);
        }
        const { tenant } = session?.caller ?? OPEN;
        if (!shown.has(tenant))
          for (const each of queuesOf(tenant))
            addQueue(new QueueView({ ...each, tenant, redis, readOnly: !writes }));
        shown.add(tenant);
        // Replaces what a client sent.
        request.headers[TENANT_HEADER] = tenant;
      });
      await board.register(adapter.registerPlugin() as FastifyPluginCallback, { prefix: BASE });
    });
  };
}

/** @throws Problem 401 for a program */
function sendToLogin({ method, headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (method === 'GET' && /\btext\/html\b/.test(headers.accept ?? '')) return reply.redirect(SIGN_IN, 303);
  throw problem(401, 'not_logged_in', `log in at ${SIGN_IN}`);
}

function loginRoutes(app: App, login: Login): void {
  const style = readAsset('page.css').address;
  const show = (reply: FastifyReply, title: string, content: Html) =>
    reply
      .type('text/html; charset=utf-8')
      .send(String(wholePage(title, style, html`<main id="main">${content}</main>`)));
  acceptForms(app);
  login.addRoutes(app, show);
  const goodbye = html`<form class="sign-in" method="post" action="${BASE}/logout">
<h1>dropship-product-finder</h1>
<p>This browser forgets its login; the key stays valid.</p>
<button class="main">Log out</button>
</form>`;
  app.get(`${BASE}/logout`, (_, reply) => show(reply, 'Log out', goodbye));
  app.post(`${BASE}/logout`, async (request, reply) => {
    requireOwnPage(request, true);
    return login.logOut(request, reply);
  });
}

/**
 * What may be changed when anything may be. Not in the list: what the call gate depends on (rate limit, its release,
 * concurrency), what loses searches (empty, obliterate, clean, remove), what changes jobs without the checks of a request
 * (add, update, delay, priority), and schedulers, which `dpf schedule` manages.
 */
const WRITES = [
  '/api/queues/:queueName/pause',
  '/api/queues/:queueName/resume',
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/:jobId/retry',
];

type ApiRoutes = Parameters<FastifyAdapter['setApiRoutes']>[0];

/** Bull Board with only the routes above; its errors go to the server's error handler. */
class Adapter extends FastifyAdapter {
  readonly #allowed: ReadonlySet<string>;

  constructor(writes: boolean) {
    super();
    this.#allowed = new Set(writes ? WRITES : []);
  }

  override setApiRoutes(routes: ApiRoutes): FastifyAdapter {
    const isRead = ({ method }: ApiRoutes[number]) => [method].flat().every((each) => each === 'get');
    const isAllowed = ({ route }: ApiRoutes[number]) =>
      [route].flat().every((each) => this.#allowed.has(each));
    return super.setApiRoutes(routes.filter((each) => isRead(each) || isAllowed(each)));
  }

  override setErrorHandler(): this {
    return super.setErrorHandler((error) => {
      throw error;
    });
  }
}

/** The board's page without what the content security policy refuses: a foreign stylesheet and inline styles. */
function withoutForeignParts(page: string): string {
  return page
    .replace(/<link[^>]*href="https?:\/\/[^>]*>/g, '')
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/ style="[^"]*"/g, '');
}
