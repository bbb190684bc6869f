import cookie from '@fastify/cookie';
import type { FastifyReply } from 'fastify';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import { Failure } from '../../failures.ts';
import { csvForm, productCsv } from '../../product/csv.ts';
import { MAX_IMAGE_LENGTH } from '../../product/requestSchema.ts';
import { searchTitle } from '../../product/subject.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import { estimateTexts } from '../../text/searches.ts';
import { distanceText } from '../../text/values.ts';
import { type App, allowScope, callerOf, OPEN, payerOf, type Routes } from '../access.ts';
import { languageOf } from '../api/products.ts';
import type { ProducerOf } from '../api/searches.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Caller } from '../auth/authenticator.ts';
import {
  type AccessParts,
  acceptForms,
  type FormValues,
  formOf,
  isCsrfToken,
  Login,
  PAGE,
  requireOwnPage,
} from '../auth/login.ts';
import { notFound, type Problem, problem, problemOf } from '../problem.ts';
import { contentPolicy } from '../server.ts';
import { alertFromForm, channelFromForm, kindFrom, mistakesOf, NAME_TAKEN } from './alertForms.ts';
import { alertsView, type Done } from './alertsView.ts';
import { narrowedRequest } from './facetView.ts';
import { homeView } from './homeView.ts';
import { type Document, type Html, html, layout, readAsset, rendered } from './html.ts';
import { planView } from './planView.ts';
import { nameFrom, nameTakenView, resultView, statusView } from './resultView.ts';
import { type Filled, mistakesIn, requestFromForm, understoodText } from './searchForm.ts';
import { addressOf, resultCache, select, selectionFrom } from './selection.ts';

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
interface Visit {
  reply: FastifyReply;
  caller: Caller;
  /** Null without a login. */
  csrf: string | null;
  producer: SearchProducer;
  params: { id: string; name: string };
  query: FormValues;
  form: FormValues;
}

type Answer = (visit: Visit) => Promise<FastifyReply | string>;

/** Of a form with a picture: its Base64, which a form writes a little longer. */
const FORM_LIMIT = 1.2 * MAX_IMAGE_LENGTH;

/** How often browsers without scripts load a running search again, seconds. */
const REFRESH_S = 3;

/** The page for people: searches, their products, schedules, the calls of the day. */
export function pageRoutes(options: PageOptions): Routes {
  return async (app) => {
    allowScope(app, 'own-login');
    await app.register(cookie);
    // Values of a form are texts, those of JSON could be anything.
    app.removeAllContentTypeParsers();
    acceptForms(app);
    const page = openPage(app, options);
    app.setErrorHandler(async (error, request, reply) => {
      const shown = problemOf(error, request.routeOptions.bodyLimit);
      // Defects go to the server's error handler.
      if (shown === undefined) throw error;
      return page.show(
        { reply: reply.code(shown.status).headers(shown.headers) },
        errorPage(shown, request.url),
      );
    });
    loginRoutes(page);
    searchRoutes(page);
    scheduleRoutes(page);
    alertRoutes(page);
  };
}

type Page = ReturnType<typeof openPage>;

/** What the routes of the page have in common. */
function openPage(app: App, options: PageOptions) {
  const { authenticator, producerOf } = options;
  const [style, script] = [readAsset('page.css'), readAsset('page.js')];
  for (const { path, content } of [style, script])
    app.get(path, { config: { access: 'public' } }, async (_, reply) =>
      reply
        .type(`text/${path.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`)
        .header('cache-control', 'public, max-age=31536000, immutable')
        .send(content),
    );
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
    send(
      reply,
      layout(
        style.address,
        script.address,
        document,
        csrf && caller ? { csrf, keyName: caller.name } : undefined,
      ),
    );
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
        const caller = callerOf(request);
        const form = formOf(request) as FormValues;
        if (method === 'POST') requireToken(form, csrf);
        const { params, query } = request as Pick<Visit, 'params' | 'query'>;
        const producer = producerOf(caller.tenant);
        const answered = await answer({ reply, caller, csrf, producer, params, query, form });
        return typeof answered === 'string' ? reply.redirect(answered, 303) : answered;
      },
    });
  return { ...options, app, login, send, show, route };
}

function requireToken({ _csrf }: Partial<FormValues>, csrf: string | null): void {
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

function errorPage({ status, message }: Problem, address: string): Document {
  const title = status === 404 ? 'Not here any more' : status === 503 ? 'Not now' : 'That did not work';
  const gone = address.startsWith('/searches/')
    ? 'A search is kept for some hours after its end.'
    : 'It may have been removed.';
  const text = status === 404 ? gone : message;
  const content = html`<section class="error"><h1>${title}</h1><p>${text}</p><p><a href="/">Back to the start</a></p></section>`;
  return { title, content };
}

function loginRoutes({ app, login, show }: Page): void {
  if (login === undefined) {
    app.get('/sign-in', async (_, reply) => reply.redirect('/', 303));
    return;
  }
  login.addRoutes(app, (reply, title, content) => show({ reply }, { title, content }));
  app.post('/sign-out', async (request, reply) => {
    requireOwnPage(request);
    const session = await login.session(request);
    if (session) requireToken(formOf(request), session.csrf);
    return login.logOut(request, reply);
  });
}

function searchRoutes(page: Page): void {
  const { marketplace, route, send, show } = page;
  const productsOf = resultCache();

  route('GET', '/', 'read', async (visit) => show(visit, await home(page, visit, [])));

  const add: Answer = async (visit) => {
    const { reply, producer, form, caller } = visit;
    try {
      const request = requestFromForm(form as FormValues, marketplace);
      const { searchId } = await producer.enqueue(request, payerOf(caller));
      return addressOf(searchId);
    } catch (error) {
      const document = await home(page, visit, mistakesIn(error));
      return show({ ...visit, reply: reply.code(400) }, document);
    }
  };
  route('POST', '/searches', 'enqueue', add, { bodyLimit: FORM_LIMIT });

  route('POST', '/searches/:id/narrow', 'enqueue', async ({ producer, params: { id }, form, caller }) => {
    const searched = await producer.request(id);
    if (searched === undefined) throw notFound();
    const { searchId } = await producer.enqueue(
      narrowedRequest(searched, form as FormValues),
      payerOf(caller),
    );
    return addressOf(searchId);
  });

  route('POST', '/estimate', 'read', async ({ reply, producer, form, caller }) => {
    try {
      const request = requestFromForm(form, marketplace);
      const understood = understoodText(request);
      const estimate = await producer.estimate(request, payerOf(caller));
      const now = await producer.now();
      const texts = estimateTexts(estimate, (iso) => distanceText(iso, now));
      const { calls, share, budget, queue, finish } = texts;
      const left = budget === undefined ? '' : ` · ${budget}`;
      return send(
        reply,
        html`${understood && `${understood} · `}${calls} · ${share}${left} · ${queue} · done ${finish}`,
      );
    } catch (error) {
      return send(reply, html`${mistakesIn(error)[0]?.message}`);
    }
  });

  const found = async ({ producer, params: { id }, caller, query }: Visit) => {
    const report = await producer.get(id);
    const [request, products] = await Promise.all([
      producer.request(id),
      productsOf(caller.tenant, producer, report),
    ]);
    return { report, request, products, selection: selectionFrom(query) };
  };

  route('GET', '/searches/:id', 'read', async (visit) => {
    const { csrf, producer } = visit;
    const { report, request, products, selection } = await found(visit);
    const now = await producer.now();
    return show(visit, {
      title: request === undefined ? 'Search' : searchTitle(request),
      content: resultView({ report, request, products, selection, marketplace, csrf, now }),
      ...(report.state !== 'done' && { refresh: REFRESH_S }),
    });
  });

  route('GET', '/searches/:id/products.csv', 'read', async (visit) => {
    const { reply, query } = visit;
    const { request, products, selection } = await found(visit);
    const name = request === undefined ? 'products' : nameFrom(request);
    const form = csvForm({ excel: query.excel === '1', locale: languageOf(reply.request) });
    return reply
      .type('text/csv; charset=utf-8; header=present')
      .headers({ vary: 'accept-language', 'content-disposition': `attachment; filename="${name}.csv"` })
      .send(productCsv(select(products, selection), undefined, form));
  });

  route('GET', '/searches/:id/status', 'read', async ({ reply, producer, params, csrf }) =>
    send(reply, statusView(await producer.get(params.id), csrf, await producer.now())),
  );

  for (const action of ['cancel', 'retry'] as const)
    route('POST', `/searches/:id/${action}`, 'enqueue', async ({ producer, params: { id }, caller }) => {
      await (action === 'retry' ? producer.retry(id, payerOf(caller)) : producer.cancel(id));
      return addressOf(id);
    });
}

async function home(
  { quotaOf, latestOf, marketplace }: Page,
  { caller: { tenant }, csrf, producer, form: values }: Visit,
  mistakes: Filled['mistakes'],
): Promise<Document> {
  const [quota, events, schedules, now] = await Promise.all([
    quotaOf(tenant),
    latestOf(tenant),
    producer.schedule.list(),
    producer.now(),
  ]);
  const shown = { values, marketplace, mistakes, quota, events, schedules, csrf, now };
  return { title: 'Search', content: homeView(shown) };
}

function scheduleRoutes({ route, show }: Page): void {
  route('GET', '/plan', 'read', async (visit) => {
    const { producer, query, reply } = visit;
    const calls = (query.calls ?? '').trim();
    let mistake: string | undefined;
    const wanted = calls === '' ? undefined : Number(calls);
    const report = await producer.plan({ calls: wanted }).catch((error) => {
      mistake = mistakesIn(error)[0]?.message;
      return producer.plan();
    });
    const content = planView({ report, calls, mistake, now: await producer.now() });
    return show(
      { ...visit, reply: mistake === undefined ? reply : reply.code(400) },
      { title: 'Plan', content },
    );
  });

  route('POST', '/schedules', 'schedule', async (visit) => {
    const { producer, form, reply, csrf } = visit;
    const { searchId = '', name = '', every = '', replace } = form;
    const searched = await producer.request(searchId);
    if (searched === undefined) throw notFound();
    // The schedule sets the priority, and each run makes calls of its own and marks changes. Facets are for people.
    const { priority: _priority, maxAge: _maxAge, facets: _facets, ...request } = searched;
    const schedule = { name, every: Number(every), request: { ...request, track: name } };
    try {
      await producer.schedule.add(schedule, { replace: replace === '1' });
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'schedule_exists') throw error;
      const schedules = await producer.schedule.list();
      const content = nameTakenView({ searchId, request: searched, name, every, schedules, csrf });
      return show({ ...visit, reply: reply.code(409) }, { title: 'Name taken', content });
    }
    return `/#schedule-${encodeURIComponent(name)}`;
  });

  const methods = { pause: 'pause', resume: 'resume', remove: 'remove', run: 'runNow' } as const;
  for (const [action, method] of Object.entries(methods))
    route('POST', `/schedules/:name/${action}`, 'schedule', async ({ producer, params: { name } }) => {
      await producer.schedule[method](name);
      return action === 'remove' ? '/#schedules' : `/#schedule-${encodeURIComponent(name)}`;
    });
}

/** Longest wait for the end of a test, ms. */
const TEST_MS = 8000;
/** Messages that could not be delivered, of all channels. */
const SHOWN_FAILED = 10;

function alertRoutes({ latestOf, route, show }: Page): void {
  const showAll = async (visit: Visit, done: Done = {}, status = 200) => {
    const { producer, caller, csrf, reply } = visit;
    const [alerts, channels, schedules, watchlists, events, now] = await Promise.all([
      producer.alerts.list(),
      producer.channels.list(),
      producer.schedule.list(),
      producer.watchlists.list(),
      latestOf(caller.tenant),
      producer.now(),
    ]);
    const hasFailed = channels.some(({ failed }) => failed > 0);
    const failed = hasFailed ? await producer.channels.failed(undefined, { limit: SHOWN_FAILED }) : [];
    const ofSchedules = new Set(schedules.flatMap(({ request }) => request.track ?? []));
    const seen = [
      ...alerts.flatMap(({ track }) => track ?? []),
      ...events.flatMap((event) => ('product' in event && 'track' in event ? event.track : [])),
    ];
    const sources = {
      schedules: schedules.flatMap(({ name, request }) => (request.track === undefined ? [] : name)),
      watchlists: watchlists.map(({ name }) => name),
      tracks: [...new Set(seen)].filter((track) => !ofSchedules.has(track)).sort(),
    };
    const mayChange = caller.roles.includes('schedule');
    const content = alertsView({ ...done, alerts, channels, failed, sources, mayChange, csrf, now });
    return show({ ...visit, reply: reply.code(status) }, { title: 'Alerts', content });
  };

  route('GET', '/alerts', 'read', async (visit) => {
    const { source } = visit.query;
    return showAll(visit, source === undefined ? {} : { alert: { values: { source }, mistakes: [] } });
  });

  /** The mistakes where something is wrong, or the name is taken and nothing says to replace it. */
  const put = async <T>(
    { form }: Visit,
    of: 'alert' | 'channel',
    steps: { check: () => Promise<void> | void; names: () => Promise<string[]>; put: () => Promise<T> },
  ) => {
    try {
      await steps.check();
      const isTaken = form.replace !== '1' && (await steps.names()).includes(String(form.name).trim());
      return isTaken ? { mistakes: [NAME_TAKEN] } : { done: await steps.put() };
    } catch (error) {
      return { mistakes: mistakesOf(error, of) };
    }
  };

  route('POST', '/alerts', 'schedule', async (visit) => {
    const { form, producer } = visit;
    const { alerts } = producer;
    const alert = alertFromForm(form);
    const { mistakes, done } = await put(visit, 'alert', {
      check: () => alerts.check(alert),
      names: async () => (await alerts.list()).map(({ name }) => name),
      put: () => alerts.put(alert),
    });
    if (done === undefined) return showAll(visit, { alert: { values: form, mistakes: mistakes ?? [] } }, 400);
    return `/alerts#alert-${done.name}`;
  });

  for (const action of ['pause', 'resume', 'remove'] as const)
    route('POST', `/alerts/:name/${action}`, 'schedule', async ({ producer, params: { name } }) => {
      await producer.alerts[action](name);
      return action === 'remove' ? '/alerts' : `/alerts#alert-${encodeURIComponent(name)}`;
    });

  const addChannel: Answer = async (visit) => {
    const { form, producer } = visit;
    const { channels } = producer;
    const channel = channelFromForm(form);
    const { mistakes, done } = await put(visit, 'channel', {
      check: () => channels.check(channel),
      names: async () => (await channels.list()).map(({ name }) => name),
      put: () => channels.put(channel),
    });
    if (done === undefined) {
      const sent = { kind: kindFrom(form), values: form, mistakes: mistakes ?? [] };
      return showAll(visit, { channel: sent }, 400);
    }
    const { name, secret } = done;
    return secret === undefined
      ? `/alerts#channel-${name}`
      : showAll(visit, { secret: { name, text: secret } });
  };
  const showsSecret = { config: { showsSecret: true } };
  route('POST', '/channels', 'schedule', addChannel, showsSecret);

  const rotate: Answer = async (visit) => {
    const { name } = visit.params;
    const { secret: text, formerSecretUntil: formerUntil } = await visit.producer.channels.rotate(name);
    return showAll(visit, { secret: { name, text, formerUntil } });
  };
  route('POST', '/channels/:name/rotate', 'schedule', rotate, showsSecret);

  route('POST', '/channels/:name/test', 'schedule', async (visit) => {
    const { name } = visit.params;
    const tested = await visit.producer.channels.test(name, { timeoutMs: TEST_MS });
    return showAll(visit, { tested: { name, ...tested } });
  });

  for (const [action, method] of Object.entries({ remove: 'remove', retry: 'retryFailed' } as const))
    route('POST', `/channels/:name/${action}`, 'schedule', async ({ producer, params: { name } }) => {
      await producer.channels[method](name);
      return action === 'remove' ? '/alerts#channels' : `/alerts#channel-${encodeURIComponent(name)}`;
    });
}
