import cookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import { Failure } from '../../failures.ts';
import { estimateTexts } from '../../text/searches.ts';
import { distanceText } from '../../text/values.ts';
import { type App, allowScope, OPEN, type Routes } from '../access.ts';
import type { ProducerOf } from '../api/searches.ts';
import type { ApiKeys, Role } from '../auth/apiKeys.ts';
import type { Authenticator, Caller } from '../auth/authenticator.ts';
import { isCsrfToken, isOwnPage, Login } from '../auth/login.ts';
import { notFound, Problem, problem, problemOf } from '../problem.ts';
import { contentPolicy } from '../server.ts';
import { homeView } from './homeView.ts';
import { type Document, type Frame, type Html, html, layout, readAsset } from './html.ts';
import { resultView, statusView } from './resultView.ts';
import {
  type FormProblem,
  type FormValues,
  problemsFrom,
  requestFromForm,
  searchForm,
} from './searchForm.ts';
import { ResultCache, selectionFrom } from './selection.ts';

export interface PageOptions {
  redis: Redis;
  prefix: string;
  keys: ApiKeys;
  /** Undefined: no login, on a loopback address only. */
  authenticator: Authenticator | undefined;
  producerOf: ProducerOf;
  quotaOf: (tenant: string) => Promise<QuotaReport>;
  /** The latest events, newest first. */
  latestOf: (tenant: string) => Promise<ServiceEvent[]>;
  /** Of a search that names none. */
  marketplace: string;
  /** Of eBay's API; a simulator serves its pictures there too. */
  apiOrigin: string;
  links: Frame['links'];
}

interface Visitor {
  caller: Caller;
  /** Null without a login. */
  csrf: string | null;
}

type PageRequest = FastifyRequest<{
  Params: Record<string, string>;
  Querystring: Record<string, string>;
  Body: FormValues | undefined;
}>;
type Answer = (request: PageRequest, reply: FastifyReply, visitor: Visitor) => Promise<FastifyReply>;

/** What the routes of the page have in common. */
interface Page extends PageOptions {
  app: App;
  login: Login | undefined;
  /** Adds a route for signed-in people with this role. */
  route(method: 'GET' | 'POST', url: string, role: Role, answer: Answer): void;
  show(reply: FastifyReply, visitor: Visitor | null, document: Document): FastifyReply;
  /** Sends a part of a page. */
  send(reply: FastifyReply, content: Html): FastifyReply;
}

/** Of a session: a working day. */
const SESSION_S = 12 * 3600;
/** How often browsers without scripts load a running search again, seconds. */
const REFRESH_S = 3;

/** The page for people: searches, their products, schedules, the calls of the day. */
export function pageRoutes(options: PageOptions): Routes {
  return async (app) => {
    allowScope(app, 'own-login');
    await app.register(cookie);
    app.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      async (_: FastifyRequest, body: string) => Object.fromEntries(new URLSearchParams(body)),
    );
    const page = openPage(app, options);
    app.setErrorHandler(async (error, _request, reply) => {
      const shown = problemOf(error);
      // Defects go to the server's error handler.
      if (shown === undefined) throw error;
      return page.show(reply.code(shown.status).headers(shown.headers), null, errorPage(shown));
    });
    signInRoutes(page);
    searchRoutes(page);
    scheduleRoutes(page);
  };
}

function openPage(app: App, options: PageOptions): Page {
  const { authenticator } = options;
  const [style, script] = [readAsset('page.css'), readAsset('page.js')];
  for (const { path, content } of [style, script])
    app.get(path, { config: { access: 'public' } }, async (_, reply) =>
      reply
        .type(`text/${path.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`)
        .header('cache-control', 'public, max-age=31536000, immutable')
        .send(content),
    );
  const frame = { style: style.address, script: script.address, links: options.links };
  const policy = pagePolicy(options.apiOrigin);
  const login =
    authenticator && new Login({ ...options, authenticator, place: 'page', path: '/', lifeS: SESSION_S });
  const send: Page['send'] = (reply, content) =>
    reply
      .type('text/html; charset=utf-8')
      // With no-referrer browsers send no origin with a form.
      .headers({ 'content-security-policy': policy, 'referrer-policy': 'same-origin' })
      .send(String(content));
  return {
    ...options,
    app,
    login,
    send,
    show: (reply, visitor, document) => send(reply, layout(frame, document, signedIn(visitor))),
    route(method, url, role, answer) {
      app.route({
        method,
        url,
        handler: async (request, reply) => {
          if (method === 'POST') requireOwnPage(request);
          const visitor = await visitorOf(request, login);
          if (visitor === undefined)
            return reply.redirect(`/sign-in?next=${encodeURIComponent(nextOf(request))}`, 303);
          if (!visitor.caller.roles.includes(role))
            throw problem(403, 'missing_role', `this needs a key with the role ${role}`);
          if (method === 'POST') requireToken(request, visitor);
          return answer(request as PageRequest, reply, visitor);
        },
      });
    },
  };
}

function signedIn(visitor: Visitor | null) {
  return visitor?.csrf ? { csrf: visitor.csrf, keyName: visitor.caller.name } : undefined;
}

/** Undefined: must sign in. */
async function visitorOf(request: FastifyRequest, login: Login | undefined): Promise<Visitor | undefined> {
  if (login === undefined) return { caller: OPEN, csrf: null };
  const session = await login.session(request);
  return session && { caller: session.key, csrf: session.csrf };
}

function requireOwnPage(request: FastifyRequest): void {
  if (!isOwnPage(request)) throw problem(403, 'cross_site', 'this can be requested from its own pages only');
}

function requireToken({ body }: FastifyRequest, { csrf }: Visitor): void {
  if (csrf !== null && !isCsrfToken((body as FormValues | undefined)?._csrf, csrf))
    throw problem(403, 'stale_form', 'this form is of another session: load the page again');
}

/** After signing in: the page that was requested, where that can be repeated. */
function nextOf({ method, url }: FastifyRequest): string {
  return method === 'GET' && !url.includes('/status') ? url : '/';
}

/** A path of this server: no other site can redirect through it. */
function localPath(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}

/** eBay's picture servers; `{size}.jpg` of a listing is on the first, older pictures are on the others. */
const PICTURES = 'https://i.ebayimg.com https://*.ebayimg.com https://*.ebaystatic.com';

/** Pictures come from eBay, or from a simulator on this machine. */
function pagePolicy(apiOrigin: string): string {
  const { hostname, origin } = new URL(apiOrigin);
  const simulator = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) ? ` ${origin}` : '';
  return contentPolicy({ 'img-src': `'self' data: ${PICTURES}${simulator}` });
}

function errorPage({ status, message }: Problem): Document {
  const title = status === 404 ? 'Not here any more' : status === 503 ? 'Not now' : 'That did not work';
  const text = status === 404 ? 'A search is kept for some hours after its end.' : message;
  const content = html`<section class="error"><h1>${title}</h1><p>${text}</p><p><a href="/">Back to the start</a></p></section>`;
  return { title, content };
}

function signInRoutes({ app, login, show }: Page): void {
  const signIn = (next: string | undefined, mistake?: string): Document => ({
    title: 'Sign in',
    content: html`<form class="sign-in" method="post" action="/sign-in">
  <h1>Sign in</h1>
  <p>with an API key, as <code>dpf keys add</code> prints it.</p>
  <input type="hidden" name="next" value="${localPath(next)}">
  <p class="field"><label for="key">API key</label><input id="key" name="key" type="password" required autocomplete="current-password" autofocus${mistake !== undefined && html` aria-invalid="true" aria-describedby="key-problem"`}>
  ${mistake !== undefined && html`<span class="problem" id="key-problem" role="alert">${mistake}</span>`}</p>
  <button class="main">Sign in</button>
</form>`,
  });

  app.get('/sign-in', async (request, reply) => {
    if (login === undefined) return reply.redirect('/', 303);
    return show(reply, null, signIn((request.query as { next?: string }).next));
  });

  app.post('/sign-in', async (request, reply) => {
    requireOwnPage(request);
    const { key = '', next } = (request.body ?? {}) as FormValues;
    try {
      await login?.logIn(request, reply, key);
      return reply.redirect(localPath(next), 303);
    } catch (error) {
      if (!(error instanceof Problem) || (error.status !== 401 && error.status !== 429)) throw error;
      const mistake = error.status === 429 ? error.message : 'This key is not valid.';
      return show(reply.code(error.status), null, signIn(next, mistake));
    }
  });

  app.post('/sign-out', async (request, reply) => {
    requireOwnPage(request);
    const visitor = await visitorOf(request, login);
    if (visitor !== undefined) requireToken(request, visitor);
    await login?.logOut(request, reply);
    return reply.redirect('/sign-in', 303);
  });
}

function searchRoutes(page: Page): void {
  const { producerOf, marketplace, route, send, show } = page;
  const results = new ResultCache();

  route('GET', '/', 'read', async (_, reply, visitor) => show(reply, visitor, await home(page, visitor, {})));

  route('POST', '/searches', 'enqueue', async ({ body = {} }, reply, visitor) => {
    try {
      const producer = producerOf(visitor.caller.tenant);
      const { searchId } = await producer.enqueue(requestFromForm(body, marketplace));
      return reply.redirect(addressOf(searchId), 303);
    } catch (error) {
      const document = await home(page, visitor, body, mistakesIn(error));
      return show(reply.code(400), visitor, document);
    }
  });

  route('POST', '/estimate', 'read', async ({ body = {} }, reply, visitor) => {
    try {
      const producer = producerOf(visitor.caller.tenant);
      const estimate = await producer.estimate(requestFromForm(body, marketplace));
      const { calls, share, queue, finish } = estimateTexts(estimate, (iso) => distanceText(iso, Date.now()));
      return send(reply, html`A${calls.slice(1)} · ${share} · ${queue} · done ${finish}`);
    } catch (error) {
      return send(reply, html`${mistakesIn(error)[0]?.message}`);
    }
  });

  route('GET', '/searches/:id', 'read', async ({ params: { id = '' }, query }, reply, visitor) => {
    const producer = producerOf(visitor.caller.tenant);
    const report = await producer.get(id);
    const [request, products] = await Promise.all([
      producer.request(id),
      results.products(visitor.caller.tenant, producer, report),
    ]);
    const selection = selectionFrom(query);
    return show(reply, visitor, {
      title: request?.query ?? 'Search',
      content: resultView({ report, request, products, selection, csrf: visitor.csrf, now: Date.now() }),
      ...(report.state !== 'done' && { refresh: REFRESH_S }),
    });
  });

  route('GET', '/searches/:id/status', 'read', async ({ params: { id = '' } }, reply, visitor) => {
    const report = await producerOf(visitor.caller.tenant).get(id);
    return send(reply, statusView(report, visitor.csrf, Date.now()));
  });

  for (const action of ['cancel', 'retry'] as const)
    route('POST', `/searches/:id/${action}`, 'enqueue', async ({ params: { id = '' } }, reply, visitor) => {
      await producerOf(visitor.caller.tenant)[action](id);
      return reply.redirect(addressOf(id), 303);
    });
}

function addressOf(searchId: string): string {
  return `/searches/${encodeURIComponent(searchId)}`;
}

/** The mistakes of a request by the field of the form. @throws every other error */
function mistakesIn(error: unknown): FormProblem[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  return problemsFrom(error.detail.errors);
}

async function home(
  { producerOf, quotaOf, latestOf, marketplace }: Page,
  { caller: { tenant }, csrf }: Visitor,
  values: FormValues,
  problems: readonly FormProblem[] = [],
): Promise<Document> {
  const [quota, events, schedules] = await Promise.all([
    quotaOf(tenant),
    latestOf(tenant),
    producerOf(tenant).schedule.list(),
  ]);
  const content = html`<h1 class="quiet">Search eBay</h1>
${searchForm(values, marketplace, csrf, problems)}
${homeView({ quota, schedules, events, csrf, now: Date.now() })}`;
  return { title: 'Search', content };
}

function scheduleRoutes({ producerOf, route }: Page): void {
  route('POST', '/schedules', 'schedule', async ({ body = {} }, reply, visitor) => {
    const { searchId = '', name = '', every = '' } = body;
    const producer = producerOf(visitor.caller.tenant);
    const searched = await producer.request(searchId);
    if (searched === undefined) throw notFound();
    // The schedule sets the priority, and each run makes calls of its own and marks changes.
    const { priority: _priority, maxAge: _maxAge, ...request } = searched;
    await producer.schedule.add({ name, every: Number(every), request: { ...request, track: name } });
    return reply.redirect(`/#schedule-${encodeURIComponent(name)}`, 303);
  });

  for (const [action, method] of Object.entries({
    pause: 'pause',
    resume: 'resume',
    remove: 'remove',
    run: 'runNow',
  } as const))
    route('POST', `/schedules/:name/${action}`, 'schedule', async ({ params }, reply, visitor) => {
      const { name = '' } = params;
      await producerOf(visitor.caller.tenant).schedule[method](name);
      const target = action === 'remove' ? 'schedules' : `schedule-${encodeURIComponent(name)}`;
      return reply.redirect(`/#${target}`, 303);
    });
}
