import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import cookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Role } from '../auth/apiKeys.ts';
import { problem, problemOf } from '../problem.ts';
import type { App, RouteRule, Section } from '../section.ts';
import { type Document, type Html, html, layout, type Site } from './html.ts';
import type { Answerer, PageOptions, Pages } from './pages.ts';
import { schedulePages } from './schedulePages.ts';
import type { FormValues } from './searchForm.ts';
import { searchPages } from './searchPages.ts';
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

/** Packed beside `dist` and `src` alike. */
const FOLDER = new URL('../../../public/', import.meta.url);

export interface Asset {
  path: string;
  type: string;
  content: Buffer;
}

/** Style and script, read once. */
export function readAssets(): { style: Asset; script: Asset } {
  const asset = (name: string, type: string) => ({
    path: `/page/${name}`,
    type: `${type}; charset=utf-8`,
    content: readFileSync(new URL(name, FOLDER)),
  });
  return { style: asset('page.css', 'text/css'), script: asset('page.js', 'text/javascript') };
}

/** A new content has a new address, so browsers may keep the old one for ever. */
export function siteOf({ style, script }: { style: Asset; script: Asset }, links: Site['links']): Site {
  const address = ({ path, content }: Asset) =>
    `${path}?${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
  return { style: address(style), script: address(script), links };
}

/** eBay's picture servers; `{size}.jpg` of a listing is on the first, older ones are on the others. */
const PICTURES = ['https://i.ebayimg.com', 'https://*.ebayimg.com', 'https://*.ebaystatic.com'];

/** Scripts, styles and calls: this server. Pictures: eBay's, and a simulator's on this machine. Nothing else. */
export function pagePolicy(apiOrigin: string): string {
  const { hostname, origin } = new URL(apiOrigin);
  const pictures = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname) ? [...PICTURES, origin] : PICTURES;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: ${pictures.join(' ')}`,
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** For people who have an API key; the key is exchanged for a session and kept nowhere. */
export function signInView(next: string, problem?: string): Html {
  return html`<form class="sign-in" method="post" action="/sign-in">
  <h1>Sign in</h1>
  <p>with an API key, as <code>dpf keys add</code> prints it.</p>
  <input type="hidden" name="next" value="${next}">
  <p class="field"><label for="key">API key</label><input id="key" name="key" type="password" required autocomplete="current-password" autofocus${problem !== undefined && html` aria-invalid="true" aria-describedby="key-problem"`}>
  ${problem !== undefined && html`<span class="problem" id="key-problem" role="alert">${problem}</span>`}</p>
  <button class="main">Sign in</button>
</form>`;
}
