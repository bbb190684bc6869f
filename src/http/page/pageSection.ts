import cookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Role } from '../apiKeys.ts';
import { problem, problemOf } from '../problem.ts';
import type { RouteRule } from '../routeTable.ts';
import type { App, Section } from '../section.ts';
import { type Html, html } from './html.ts';
import { type Document, layout } from './layout.ts';
import type { Answerer, PageOptions, Pages } from './pages.ts';
import { schedulePages } from './schedulePages.ts';
import type { FormValues } from './searchForm.ts';
import { searchPages } from './searchPages.ts';
import { signInView } from './signInView.ts';
import { type Asset, pagePolicy, readAssets, siteOf } from './site.ts';
import { refuseForeign, refuseForged, type Visitor, Visitors } from './visitors.ts';

const RULES: ReadonlyArray<[method: string, url: string]> = [
  ['GET', '/'],
  ['GET', '/sign-in'],
  ['POST', '/sign-in'],
  ['POST', '/sign-out'],
  ['POST', '/estimate'],
  ['POST', '/searches'],
  ['GET', '/searches/:id'],
  ['GET', '/searches/:id/status'],
  ['POST', '/searches/:id/cancel'],
  ['POST', '/searches/:id/retry'],
  ['POST', '/schedules'],
  ['POST', '/schedules/:name/:action'],
];

/** The page for people: searches, their products, schedules, the day's calls. */
export function pageSection(options: PageOptions): Section {
  const rules: RouteRule[] = RULES.map(([method, url]) => ({ method, url, access: 'own-login' }));
  return {
    rules: [...rules, { method: 'GET', url: '/page/*', access: 'public' }],
    register: (app) => registerPages(app, options),
  };
}

async function registerPages(app: App, options: PageOptions): Promise<void> {
  const assets = readAssets();
  const site = siteOf(assets, options.links);
  const policy = pagePolicy(options.apiOrigin);
  const visitors = new Visitors(options);
  await app.register(cookie);
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_: FastifyRequest, body: string) => Object.fromEntries(new URLSearchParams(body)),
  );
  const part = (reply: FastifyReply, content: Html | string) =>
    reply
      .type('text/html; charset=utf-8')
      // A form of ours must be able to say where it comes from.
      .headers({ 'content-security-policy': policy, 'referrer-policy': 'same-origin' })
      .send(String(content));
  const show = (reply: FastifyReply, visitor: Visitor | null, page: Document) =>
    part(reply, layout(site, visitor, page));

  const guarded = (role: Role, answer: Answerer) => async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.method === 'POST') refuseForeign(request);
    const visitor = await visitors.visitorOf(request);
    if (visitor === undefined)
      return reply.redirect(`/sign-in?next=${encodeURIComponent(nextOf(request))}`, 303);
    if (!visitor.caller.roles.includes(role))
      throw problem(403, 'missing_role', `this needs a key with the role ${role}`);
    if (request.method === 'POST') refuseForged(request, visitor);
    return answer(request as Parameters<Answerer>[0], reply, visitor);
  };
  const pages: Pages = {
    ...options,
    get: (url, role, answer) => app.get(url, guarded(role, answer)),
    post: (url, role, answer) => app.post(url, guarded(role, answer)),
    show,
    part,
  };
  app.setErrorHandler(async (error, _request, reply) => {
    const told = problemOf(error);
    // A defect: told and logged like any other.
    if (told === undefined) throw error;
    const title =
      told.status === 404 ? 'Not here any more' : told.status === 503 ? 'Not now' : 'That did not work';
    const content = html`<section class="error"><h1>${title}</h1><p>${told.status === 404 ? 'A search is kept for some hours after its end.' : told.message}</p><p><a href="/">Back to the start</a></p></section>`;
    return show(reply.code(told.status).headers(told.headers), null, { title, content });
  });
  serveAssets(app, Object.values(assets));
  signingIn(app, visitors, show);
  searchPages(pages);
  schedulePages(pages);
}

/** After signing in: the page that was asked for, if it can be asked for again. */
function nextOf({ method, url }: FastifyRequest): string {
  return method === 'GET' && !url.includes('/status') ? url : '/';
}

function serveAssets(app: App, assets: readonly Asset[]): void {
  for (const { path, type, content } of assets)
    app.get(path, async (_, reply) =>
      reply.type(type).header('cache-control', 'public, max-age=31536000, immutable').send(content),
    );
}

function signingIn(app: App, visitors: Visitors, show: Pages['show']): void {
  app.get('/sign-in', async (request, reply) => {
    if (!visitors.needKeys) return reply.redirect('/', 303);
    const { next } = request.query as { next?: string };
    return show(reply, null, { title: 'Sign in', content: signInView(localPath(next)) });
  });
  app.post('/sign-in', async (request, reply) => {
    refuseForeign(request);
    const { key = '', next } = (request.body ?? {}) as FormValues;
    try {
      await visitors.signIn(request, reply, key);
      return reply.redirect(localPath(next), 303);
    } catch (error) {
      const told = problemOf(error);
      if (told === undefined || (told.status !== 401 && told.status !== 429)) throw error;
      const why = told.status === 429 ? told.message : 'This key is not valid.';
      return show(reply.code(told.status), null, {
        title: 'Sign in',
        content: signInView(localPath(next), why),
      });
    }
  });
  app.post('/sign-out', async (request, reply) => {
    refuseForeign(request);
    const visitor = await visitors.visitorOf(request);
    if (visitor !== undefined) refuseForged(request, visitor);
    await visitors.signOut(request, reply);
    return reply.redirect('/sign-in', 303);
  });
}

/** A path of this server; anything else would send people elsewhere. */
function localPath(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}
