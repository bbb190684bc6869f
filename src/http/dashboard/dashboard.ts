import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { JobStatus } from '@bull-board/api/typings/app';
import { FastifyAdapter } from '@bull-board/fastify';
import cookie from '@fastify/cookie';
import { type FlowProducer, Job, type JobNode, type JobType, type Queue } from 'bullmq';
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify';
import type { Redis } from 'ioredis';
import { parseReason } from '../../failures.ts';
import { isObject } from '../../product/parseRequest.ts';
import { cut } from '../../product/schemaErrors.ts';
import { searchTitle } from '../../product/subject.ts';
import { readJobs, unreadableReason } from '../../queue/bullmq/storedJobs.ts';
import { redact, redactText, visible } from '../../telemetry/scrubber.ts';
import { durationText } from '../../text/values.ts';
import { type App, allowScope, OPEN, type Routes } from '../access.ts';
import {
  type AccessParts,
  DASHBOARD,
  isCsrfToken,
  Login,
  requireOwnPage,
  SIGN_IN,
  SIGN_OUT,
} from '../auth/login.ts';
import { type Assets, readAssets } from '../page/assets.ts';
import { html, rendered } from '../page/html.ts';
import { isOfPerson, notFound, problem } from '../problem.ts';
import { contentPolicy } from '../server.ts';

interface ShownQueue {
  queue: Queue;
  description: string;
}

export interface DashboardOptions extends AccessParts {
  /** The queues of a tenant, opened at its first login. A login shows its own tenant's. */
  queuesOf: (tenant: string) => readonly ShownQueue[];
  /** Whether queues may be paused and jobs retried; otherwise read-only. */
  writes: boolean;
}

const BASE = DASHBOARD;
const CSRF_HEADER = 'x-xsrf-token';
/** Set from the login; replaces what a client sent. */
const TENANT_HEADER = 'x-dashboard-tenant';

/** Bull Board for people who have signed in to the page with a key that has the role `operate`. */
export function dashboardRoutes(options: DashboardOptions): Routes {
  const { authenticator, queuesOf, redis, writes } = options;
  return async (app) => {
    allowScope(app, 'own-login');
    await app.register(cookie);
    const assets = readAssets();
    // Titles and data of jobs are foreign text: even if a browser read this JSON as HTML, no tag would open.
    app.setReplySerializer((payload) => JSON.stringify(payload).replaceAll('<', '\\u003c'));
    app.addHook('onSend', async (_, reply, payload) => {
      // The board's page has a `<base>`.
      reply.header('content-security-policy', contentPolicy({ base: "'self'" }));
      // With no-referrer browsers send no origin with a form.
      reply.header('referrer-policy', 'same-origin');
      const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
      return isPage && typeof payload === 'string' ? boardPage(payload, assets, app.basePath) : payload;
    });
    // Other methods of a path below answer 405.
    app.get(`${BASE}/*`, () => {
      throw notFound();
    });
    const login = authenticator && new Login({ ...options, authenticator }, app.basePath);
    redirectFormer(app);

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
          boardLogo: { path: app.basePath + assets.mark, width: 28, height: 28 },
          favIcon: { default: app.basePath + assets.mark, alternative: app.basePath + assets.mark },
          miscLinks: [
            { text: 'Product finder', url: `${app.basePath}/` },
            ...(login ? [{ text: 'Sign out', url: app.basePath + SIGN_OUT }] : []),
          ],
        },
      },
    });
    adapter.setBasePath(app.basePath + BASE);
    const shown = new Set<string>();
    await app.register(async (board) => {
      board.addHook('onRequest', async (request, reply) => {
        const session = await login?.session(request);
        if (login && !session) return sendToSignIn(request, reply);
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          requireOwnPage(request, true);
          if (session && !isCsrfToken(request.headers[CSRF_HEADER], session.csrf))
            throw problem(403, 'csrf', `a change needs the token of its page (${CSRF_HEADER})`);
        }
        const caller = session?.caller ?? OPEN;
        app.admit(request, reply, caller);
        if (!caller.roles.includes('operate'))
          throw problem(403, 'missing_role', 'this needs a key with the role operate');
        if (session) login?.giveToken(request, reply, session);
        const { tenant } = caller;
        if (!shown.has(tenant))
          for (const each of queuesOf(tenant))
            addQueue(new QueueView({ ...each, redis, writes, tenant, basePath: app.basePath }));
        shown.add(tenant);
        request.headers[TENANT_HEADER] = tenant;
      });
      await board.register(adapter.registerPlugin() as FastifyPluginCallback, { prefix: BASE });
    });
  };
}

/** @throws Problem 401 for a program */
function sendToSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { method, url, server } = request;
  if (method === 'GET' && isOfPerson(request))
    return reply.redirect(`${SIGN_IN}?next=${encodeURIComponent(url)}`, 303);
  throw problem(401, 'not_logged_in', `sign in at ${server.basePath}${SIGN_IN}`);
}

/** Release 0.2 had a sign-in for the dashboard alone. */
function redirectFormer(app: App): void {
  const former = { login: `${SIGN_IN}?next=${encodeURIComponent(BASE)}`, logout: SIGN_OUT };
  for (const [name, target] of Object.entries(former))
    app.route({
      method: ['GET', 'POST'],
      url: `${BASE}/${name}`,
      // Before a body is read: it may be of any type.
      onRequest: async (_, reply) => reply.redirect(target, 303),
      handler: () => undefined,
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

/**
 * The board's page in the page's colours, and without what the content security policy refuses: a foreign stylesheet and inline
 * styles.
 */
function boardPage(page: string, { board }: Assets, basePath: string): string {
  // Errors are shown by the page.
  if (!page.includes('id="__UI_CONFIG__"')) return page;
  const sheet = rendered(html`<link rel="stylesheet" href="${board}">`, basePath);
  return page
    .replace('</head>', `${sheet}</head>`)
    .replace(/<link[^>]*href="https?:\/\/[^>]*>/g, '')
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/ style="[^"]*"/g, '');
}

/** Jobs of one state on a page, and log lines of one job. */
const MAX_JOBS = 100;
const MAX_LOGS = 100;
/** Of the large fields of one job together, bytes; a summary or a request has about 5 kB. */
const MAX_BYTES = 64 * 1024;
const LARGE = ['data', 'returnvalue', 'stacktrace', 'failedReason', 'progress', 'opts', 'name'] as const;

type ViewOptions = Pick<DashboardOptions, 'redis' | 'writes'> &
  ShownQueue & { tenant: string; basePath: string };
type JobSchedulers = Awaited<ReturnType<BullMQAdapter['getJobSchedulers']>>;

/**
 * One queue on the board. Jobs have titles, secrets are masked and long texts cut. A job that cannot be read or is too large
 * is replaced by a stand-in that says so: without it one such job breaks the whole page.
 */
class QueueView extends BullMQAdapter {
  readonly #queue: Queue;
  readonly #redis: Redis;

  constructor({ queue, description, redis, writes, tenant, basePath }: ViewOptions) {
    super(queue, {
      readOnlyMode: !writes,
      allowRetries: writes,
      description,
      // Undefined: no link. The board's type does not say that.
      externalJobUrl: (job) => resultLink(queue.name, job, basePath) as { href: string },
    });
    this.#queue = queue;
    this.#redis = redis;
    this.setFormatter('name', ({ name, data }: { name: string; data: unknown }) => jobTitle(name, data));
    this.setVisibilityGuard(({ headers }) => headers[TENANT_HEADER] === tenant);
  }

  override getJob(id: string): Promise<Job | undefined> {
    return this.#read(id);
  }

  override async getJobs(statuses: JobStatus[], start = 0, end = 0): Promise<Job[]> {
    const types = statuses.map((status): JobType => (status === 'waiting' ? 'wait' : (status as JobType)));
    const ids = await this.#queue.getRanges(types, start, Math.min(end, start + MAX_JOBS - 1));
    return (await Promise.all(ids.map((id) => this.#read(id)))).filter((job) => job !== undefined);
  }

  override async getJobLogs(id: string): Promise<string[]> {
    const { logs } = await this.#queue.getJobLogs(id, 0, MAX_LOGS - 1);
    return logs.map(redactText);
  }

  override async getJobSchedulers(): Promise<JobSchedulers> {
    const schedulers = redact(await super.getJobSchedulers()) as JobSchedulers;
    return schedulers.map((each) => ({ ...each, name: jobTitle(each.name, each.template?.data) }));
  }

  /** For the tree of a search. */
  override async getFlowProducer(): Promise<FlowProducer | null> {
    const producer = await super.getFlowProducer();
    if (producer === null) return null;
    const getFlow: FlowProducer['getFlow'] = async (options) => titled(await producer.getFlow(options));
    return Object.assign(Object.create(producer), { getFlow });
  }

  /** Undefined where there is no such job. */
  async #read(id: string): Promise<Job | undefined> {
    const key = this.#queue.toKey(id);
    const sizes = this.#redis.pipeline();
    for (const field of LARGE) sizes.hstrlen(key, field);
    const replies = (await sizes.exec()) ?? [];
    // A key that holds no hash counts as small.
    const bytes = replies.reduce((sum, [error, size]) => sum + (error === null ? Number(size) : 1), 0);
    if (bytes === 0) return undefined;
    if (bytes > MAX_BYTES)
      return this.#standIn(id, `too large to show: ${(bytes / 1024 / 1024).toFixed(1)} MB`);
    const [stored] = await readJobs(this.#redis, this.#queue, [id]);
    const fields = stored?.fields ?? 'not a hash';
    const reason = fields === 'not a hash' ? 'no job' : unreadableReason(fields);
    if (reason !== undefined) return this.#standIn(id, `cannot be read: ${reason}`);
    const job = await this.#queue.getJob(id).catch(() => this.#standIn(id, 'cannot be read'));
    return job && masked(job);
  }

  async #standIn(id: string, reason: string): Promise<Job> {
    const [timestamp, processedOn, finishedOn] = await this.#redis
      .hmget(this.#queue.toKey(id), 'timestamp', 'processedOn', 'finishedOn')
      .catch(() => []);
    const job = new Job(this.#queue, `(${reason})`, { notShown: reason }, {}, id);
    job.timestamp = Number(timestamp) || 0;
    if (processedOn) job.processedOn = Number(processedOn);
    if (finishedOn) job.finishedOn = Number(finishedOn);
    return masked(job);
  }
}

/** From a search and from its calls to the page with what it found. Anyone may have added the job. */
function resultLink(
  queue: string,
  { id, data }: { id?: string | number | null | undefined; data?: unknown },
  basePath: string,
): { displayText: string; href: string } | undefined {
  const ofCall = isObject(data) && isObject(data.search) ? data.search.searchId : undefined;
  const searchId = queue.startsWith('ebay-search') ? id : queue.startsWith('ebay-calls') ? ofCall : undefined;
  if (typeof searchId !== 'string' || searchId.length > 200) return undefined;
  return { displayText: 'Result', href: `${basePath}/searches/${encodeURIComponent(searchId)}` };
}

/** ` · 0.3 s`, ` · failed: ebay-timeout`: how long a job took, and why it failed or waits. */
function courseText({ name, timestamp, processedOn, finishedOn, failedReason, progress }: Job): string {
  // A search is added, waits for its calls, and is processed again to sum them up.
  const from = name === 'search' ? timestamp : processedOn;
  const ms = finishedOn && from ? Math.max(0, finishedOn - from) : undefined;
  const took = ms !== undefined && (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : durationText(ms));
  const reason = isObject(progress) && progress.state === 'waiting' ? progress.reason : undefined;
  const cause = failedReason
    ? `failed: ${parseReason(failedReason).code}`
    : typeof reason === 'string' && !finishedOn && `waits: ${titleText(reason)}`;
  return [took, cause].map((part) => (part ? ` · ${part}` : '')).join('');
}

function titled(node: JobNode): JobNode {
  if (node?.job !== undefined) {
    const { job } = node;
    // After the first words: the board cuts the end off.
    const title = jobTitle(job.name, job.data);
    node.job.name = redactText(title.replace(/^page \d+|^item \S+|^search|^[^:]*$/, `$&${courseText(job)}`));
    node.job.progress = redact(node.job.progress) as Job['progress'];
  }
  for (const child of node?.children ?? []) titled(child);
  return node;
}

/** The board shows the JSON of a job. */
function masked(job: Job): Job {
  const whole = job.toJSON.bind(job);
  job.toJSON = () => {
    const json = redact(whole()) as ReturnType<typeof whole>;
    return { ...json, stacktrace: json.stacktrace?.map(shortTrace) ?? null };
  };
  return job;
}

const MAX_TRACE_LINES = 8;

/** Without the folders of this machine. */
export function shortTrace(trace: string): string {
  const lines = trace.split('\n').filter((line) => !line.includes('node:internal'));
  const shown = lines.slice(0, MAX_TRACE_LINES).join('\n');
  // Word by word: one pattern for both ends takes quadratic time over a line of slashes.
  return shown.replace(/\S+/g, (word) => {
    const [from, to] = [word.search(/(file:\/\/)?\//), word.search(/\/(src|dist|node_modules)\//)];
    return to > from ? word.slice(0, from) + word.slice(to + 1) : word;
  });
}

/** Of a title, characters. */
const MAX_TITLE = 120;

/** `search “usb c hub” · EBAY_US, EBAY_DE · 450 items`. Other programs write into the queue: data may be of any form. */
function jobTitle(name: string, data: unknown): string {
  if (name !== 'search' || typeof data !== 'object' || data === null) return titleText(name);
  const { query, marketplaces, maxItems, track, priority } = data as Record<string, unknown>;
  const parts = [
    `search ${query === undefined ? subjectText(data) : `“${valueText(query)}”`}`,
    listText(marketplaces),
    maxItems !== undefined && `${valueText(maxItems)} items`,
    track !== undefined && `track ${valueText(track)}`,
    priority !== undefined && priority !== 'interactive' && valueText(priority),
  ];
  return titleText(parts.filter(Boolean).join(' · '));
}

/** Anyone may have added the job: each value may be of any type. */
function subjectText(data: object): string {
  const { items, gtin, epid, image, categoryIds, filters } = data as Record<string, unknown>;
  const text = (name: string, value: unknown) => (value === undefined ? {} : { [name]: valueText(value) });
  const list = (name: string, value: unknown, most: number) =>
    Array.isArray(value) && value.length > 0 ? { [name]: value.slice(0, most).map(valueText) } : {};
  const subject = {
    ...list('items', items, 1000),
    ...text('gtin', gtin),
    ...text('epid', epid),
    ...text('image', image === undefined ? undefined : ''),
    ...list('categoryIds', categoryIds, 5),
  };
  const charities = isObject(filters) ? list('charityIds', filters.charityIds, 1000) : {};
  if (Object.keys({ ...subject, ...charities }).length === 0) return '?';
  return searchTitle({ ...subject, filters: charities });
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.slice(0, 5).map(valueText).join(', ') : '';
}

function valueText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? titleText(String(value)) : '?';
}

function titleText(text: string): string {
  const line = visible(text.slice(0, MAX_TITLE + 1));
  return line.length > MAX_TITLE ? `${cut(line, MAX_TITLE)}…` : line;
}
