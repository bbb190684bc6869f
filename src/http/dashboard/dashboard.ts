import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import { FastifyAdapter } from '@bull-board/fastify';
import cookie from '@fastify/cookie';
import type { Queue } from 'bullmq';
import type { FastifyPluginCallback } from 'fastify';
import type { Redis } from 'ioredis';
import type { ApiKeys } from '../auth/apiKeys.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { Sessions } from '../auth/sessions.ts';
import type { App, RouteRule, Section } from '../section.ts';
import { OPEN } from '../server.ts';
import { Door, fromOwnPage, isChange } from './login.ts';
import { QueueView, TENANT_HEADER } from './queueView.ts';

export interface DashboardOptions {
  redis: Redis;
  prefix: string;
  keys: ApiKeys;
  /** Undefined: nobody has to log in, as on the demo's loopback address. */
  authenticator: Authenticator | undefined;
  /** The queues of a tenant, opened when first somebody of it logs in. A login sees its own tenant's. */
  queuesOf: (tenant: string) => ReadonlyArray<{ queue: Queue; description: string }>;
  /** Whether queues may be paused and jobs retried; default is to look only. */
  writes: boolean;
}

const BASE = '/admin/queues';
/** Of a login: eight hours. */
const LIFE_S = 8 * 3600;
/** What a login form may hold, bytes. */
const FORM_LIMIT = 4096;

/** As the server's own, save for the page's `<base>`. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

/** Bull Board behind a login of its own. */
export function dashboardSection(options: DashboardOptions): Section {
  return { rules: rules(options.writes), register: (app) => register(app, options) };
}

function rules(writes: boolean): RouteRule[] {
  const rule = (method: string, url: string): RouteRule => ({ method, url, access: 'own-login' });
  return [
    rule('GET', BASE),
    rule('GET', `${BASE}/*`),
    rule('HEAD', `${BASE}/*`),
    rule('POST', `${BASE}/login`),
    rule('POST', `${BASE}/logout`),
    ...(writes ? [rule('PUT', `${BASE}/*`)] : []),
  ];
}

async function register(app: App, options: DashboardOptions): Promise<void> {
  const { redis, prefix, keys, authenticator, writes } = options;
  await app.register(cookie);
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT },
    async (_: unknown, body: string) => body,
  );
  // Job texts are anybody's: even read as HTML by mistake they open no tag.
  app.setReplySerializer((payload) => JSON.stringify(payload).replaceAll('<', '\\u003c'));
  app.addHook('onSend', async (_, reply, payload) => {
    reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
    // With the server's no-referrer a browser would not say which page a form stands on.
    reply.header('referrer-policy', 'same-origin');
    const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
    return isPage && typeof payload === 'string' ? withoutForeignParts(payload) : payload;
  });
  const sessions = new Sessions({ redis, prefix, keys, place: 'dashboard', lifeS: LIFE_S });
  const door = authenticator && new Door({ base: BASE, sessions, authenticator });
  door?.routes(app);
  await app.register(async (inside) => {
    const board = openBoard({ basePath: BASE, writes, logout: door !== undefined });
    const shown = new Set<string>();
    const show = (tenant: string) => {
      if (shown.has(tenant)) return;
      shown.add(tenant);
      for (const each of options.queuesOf(tenant))
        board.show(new QueueView({ ...each, tenant, redis, readOnly: !writes }));
    };
    inside.addHook('onRequest', async (request, reply) => {
      const caller = door ? await door.enter(request, reply) : OPEN;
      if (caller === undefined) return reply;
      if (door === undefined && isChange(request)) fromOwnPage(request);
      show(caller.tenant);
      request.headers[TENANT_HEADER] = caller.tenant;
    });
    await inside.register(board.plugin, { prefix: BASE });
  });
}

/**
 * What may be changed through the board when it may change anything. Not among it is what the call gate and the queues'
 * limits stand on (rate limit, its release, concurrency), and what loses searches (empty, obliterate, clean, remove),
 * edits jobs past the checks (add, update, delay, priority) or belongs to `dpf schedule`.
 */
const WRITES = new Set([
  '/api/queues/:queueName/pause',
  '/api/queues/:queueName/resume',
  '/api/queues/:queueName/retry/:queueStatus',
  '/api/queues/:queueName/:jobId/retry',
]);

type ApiRoutes = Parameters<FastifyAdapter['setApiRoutes']>[0];

/** Bull Board with the routes of the list alone; what it throws is told like every other error of the server. */
class Adapter extends FastifyAdapter {
  readonly #writes: boolean;

  constructor(writes: boolean) {
    super();
    this.#writes = writes;
  }

  override setApiRoutes(routes: ApiRoutes): FastifyAdapter {
    const mayServe = ({ method, route }: ApiRoutes[number]) =>
      [method].flat().every((each) => each === 'get') ||
      (this.#writes && [route].flat().every((each) => WRITES.has(each)));
    return super.setApiRoutes(routes.filter(mayServe));
  }

  override setErrorHandler(): this {
    return super.setErrorHandler((error) => {
      throw error;
    });
  }
}

export interface BoardOptions {
  basePath: string;
  writes: boolean;
  /** Whether there is a login to leave. */
  logout: boolean;
}

export interface Board {
  plugin: FastifyPluginCallback;
  /** From now on the board has this queue. */
  show(queue: BaseAdapter): void;
}

export function openBoard({ basePath, writes, logout }: BoardOptions): Board {
  const adapter = new Adapter(writes);
  const uiBasePath = dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json'));
  const { addQueue } = createBullBoard({
    queues: [],
    serverAdapter: adapter,
    options: {
      uiBasePath,
      uiConfig: {
        boardTitle: 'Product finder',
        hideRedisDetails: true,
        hideDocsLink: true,
        ...(logout ? { miscLinks: [{ text: 'Log out', url: `${basePath}/logout` }] } : {}),
      },
    },
  });
  adapter.setBasePath(basePath);
  return { plugin: adapter.registerPlugin() as FastifyPluginCallback, show: addQueue };
}

/**
 * The board's page without what the content security policy would refuse anyway: a stylesheet from elsewhere, and the
 * styles of the word "Loading".
 */
export function withoutForeignParts(html: string): string {
  return html
    .replace(/<link[^>]*href="https?:\/\/[^>]*>/g, '')
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/ style="[^"]*"/g, '');
}
