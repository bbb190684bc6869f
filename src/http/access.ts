import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawServerDefault,
} from 'fastify';
import { LRUCache } from 'lru-cache';
import type { AskedBy } from '../queue/caller.ts';
import { ROLES, type Role } from './auth/apiKeys.ts';
import type { Authenticator, Caller } from './auth/authenticator.ts';
import { notFound, type Problem, problem } from './problem.ts';

/** The server or a scope of it, its routes typed by their TypeBox schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** A Fastify plugin that adds routes, in a scope of its own. Each route says in its `config` who may call it. */
export type Routes = (app: App) => Promise<void> | void;

/** Who may call a route: everybody, whom the route's own login admits, or a key with one of these roles. */
export type Access = 'public' | 'own-login' | readonly Role[];

/** A route as registered, such as `/v1/searches/:id`. Without access it is refused with 404. */
export interface RouteRule {
  method: string;
  url: string;
  access: Access | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** The answer shows its caller a secret that was just made: it is not masked, and nobody may store it. */
    showsSecret?: boolean;
    /** The key may come as the password of HTTP Basic too: programs that read feeds send nothing else. */
    takesBasic?: boolean;
  }
  interface FastifyRequest {
    /** Null on public routes and without a login. */
    caller: Caller | null;
  }
  interface FastifyInstance {
    /** Every route of the server. */
    rules(): RouteRule[];
    /** What stands before every path where people and programs see it; empty, or such as `/ebay`. */
    basePath: string;
    /** How the page answers a person whose request failed. */
    problemPage: {
      show?: (request: FastifyRequest, reply: FastifyReply, shown: Problem) => Promise<FastifyReply>;
    };
    /** Makes this the caller of a request, and counts the request for its key. @throws Problem 429, 404 */
    admit(request: FastifyRequest, reply: FastifyReply, caller: Caller): void;
  }
}

/** The caller where no keys are required. */
export const OPEN: Caller = { id: 'open', name: 'open', tenant: 'default', roles: ROLES };

/** The caller of a route that demands a role. */
export function callerOf({ caller }: { caller: Caller | null }): Caller {
  if (caller === null) throw notFound();
  return caller;
}

/** Who asks for a search, and whose budget pays for it: its key's, if it has one. */
export function payerOf({ id, dailyCalls, via = 'http' }: Caller): { apiKey?: string; askedBy: AskedBy } {
  const askedBy = { via, ...(id !== OPEN.id && { key: id }) };
  return dailyCalls === undefined ? { askedBy } : { askedBy, apiKey: id };
}

/** The options of a route of the API: for keys with one of these roles, and described in its documentation. */
export function keyed<Schema extends object>(
  access: readonly Role[],
  tag: 'searches' | 'schedules' | 'watchlists' | 'alerts' | 'operations',
  summary: string,
  schema: Schema,
) {
  return { config: { access }, schema: { tags: [tag], summary, ...schema } };
}

/** Gives this access to all routes of a scope that declare none, also those of other plugins. Comes before them. */
export function allowScope(app: App, access: Access): void {
  app.addHook('onRoute', (route) => {
    route.config = { access, ...route.config };
  });
}

interface AccessOptions {
  /** Undefined: no keys are required. */
  authenticator: Authenticator | undefined;
  /** Requests of one key to this process. */
  requestsAMinute: number;
  /** Whether there is such a tenant: the key of one that was removed finds nothing. Default: there is. */
  hasTenant?: ((tenant: string) => boolean) | undefined;
}

/** Deny by default: a route without `access` answers 404. Comes before all routes. */
export function controlAccess(
  app: FastifyInstance,
  { authenticator, requestsAMinute, hasTenant = () => true }: AccessOptions,
): void {
  type Registered = { method: string | string[]; url: string; config?: { access?: Access } };
  const routes: Array<{ first: string; route: Registered }> = [];
  // Of `/` below a prefix Fastify makes two routes of one object: the hook gets `/docs`, and then it is changed to `/docs/`.
  app.addHook('onRoute', (route) => void routes.push({ first: route.url, route }));
  app.decorate('rules', () =>
    routes.flatMap(({ first, route: { method, url, config } }) =>
      [...new Set([first, url])].flatMap((path) =>
        [method].flat().map((each) => ({ method: each, url: path, access: config?.access })),
      ),
    ),
  );
  app.decorateRequest('caller', null);
  app.decorate('problemPage', {});
  const spend = requestBudget(requestsAMinute);
  app.decorate('admit', (request, reply, caller) => {
    request.caller = caller;
    spend(caller.id, reply);
    if (!hasTenant(caller.tenant)) throw notFound();
  });
  app.addHook('onRequest', async (request, reply) => {
    if (authenticator === undefined) refuseOtherSites(request);
    if (request.is404) return;
    const { access, takesBasic } = request.routeOptions.config;
    if (access === undefined) throw notFound();
    if (access === 'public' || access === 'own-login') return;
    const caller =
      authenticator === undefined
        ? OPEN
        : await authenticator.callerOf(valuesOf('authorization', request.raw), request.ip, takesBasic);
    app.admit(request, reply, caller);
    if (!caller.roles.some((role) => access.includes(role)))
      throw problem(403, 'missing_role', `this needs a key with the role ${access.join(' or ')}`);
  });
}

/** Counts requests in windows of a minute, of 10,000 keys or addresses at once. In this process. */
export function countAMinute(): (who: string) => { count: number; resetS: number } {
  const counts = new LRUCache<string, number>({ max: 10_000, ttl: 60_000 });
  return (who) => {
    const count = (counts.get(who) ?? 0) + 1;
    counts.set(who, count, { noUpdateTTL: true });
    return { count, resetS: Math.max(1, Math.ceil(counts.getRemainingTTL(who) / 1000)) };
  };
}

/**
 * One budget for each key, whether it comes as a header or as a session of the page or the dashboard. Counted in this
 * process: the limit protects the process, and a count in Redis would cost every request a round trip.
 */
function requestBudget(most: number): (keyId: string, reply: FastifyReply) => void {
  const counted = countAMinute();
  return (keyId, reply) => {
    const { count, resetS } = counted(keyId);
    reply.headers({
      'x-ratelimit-limit': most,
      'x-ratelimit-remaining': Math.max(0, most - count),
      'x-ratelimit-reset': resetS,
    });
    if (count > most)
      throw problem(429, 'rate_limited', `this key may send ${most} requests a minute`, {
        retryAfter: resetS,
      });
  };
}

/** The methods of the routes that fit a path as it was called. */
export function methodsOf(path: string, rules: readonly RouteRule[]): string[] {
  const fitting = rules.filter(({ url, access }) => access !== undefined && patternOf(url).test(path));
  return [...new Set(fitting.map(({ method }) => method))];
}

/** `:id` stands for one segment of a path, `*` at the end for everything below. */
function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.\\+^$(){}|[\]]/g, '\\$&')
    .replace(/:[a-z]+/gi, '[^/]+')
    .replace(/\*$/, '.*');
  return new RegExp(`^${source}$`);
}

const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

/** Without keys any site in a browser on this machine could call, also through a host name that resolves to it. */
function refuseOtherSites({ headers }: FastifyRequest): void {
  const foreign = !LOOPBACK_HOST.test(headers.host ?? '') || headers['sec-fetch-site'] === 'cross-site';
  const origin = headers.origin;
  if (foreign || (origin !== undefined && origin !== `http://${headers.host}`))
    throw problem(403, 'cross_site', 'without keys this server answers programs on this machine only');
}

/** Every value of a header as it was sent: of some Node keeps only the first one. */
export function valuesOf(name: string, { rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
