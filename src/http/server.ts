import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../telemetry/logger.ts';
import type { HttpMetrics } from '../telemetry/metrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { acceptJsonOnly } from './api/body.ts';
import { collectDocs } from './api/docs.ts';
import type { Authenticator, Caller } from './auth/authenticator.ts';
import { notFound, type Problem, problem, problemOf } from './problem.ts';
import { type App, RouteTable, type Section } from './section.ts';

export interface ServerOptions {
  sections: readonly Section[];
  /** Undefined: no keys are asked for; on a loopback address only. */
  authenticator: Authenticator | undefined;
  observed: ObserveOptions;
  /** Requests of one key to this process. */
  requestsAMinute: number;
  log: Logger;
}

/** Of a body without a limit of its own, in bytes. */
const BODY_LIMIT = 64 * 1024;

/** What a slow client may take, ms; a header line a minute would else hold a socket for ever. */
const TIMES = { headers: 10_000, request: 20_000, keepAlive: 30_000, checks: 1000 };

/**
 * The HTTP server: sections of routes behind one guard, every error as `application/problem+json`. It does not listen yet.
 */
export async function createServer(options: ServerOptions): Promise<App> {
  const { sections, authenticator, observed, log } = options;
  const table = new RouteTable(sections.flatMap(({ rules }) => rules));
  const app: App = fastify({
    bodyLimit: BODY_LIMIT,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    requestTimeout: TIMES.request,
    keepAliveTimeout: TIMES.keepAlive,
    // Longer than any id; what is longer is nobody's.
    routerOptions: { maxParamLength: 200 },
    http: {
      headersTimeout: TIMES.headers,
      connectionsCheckingInterval: TIMES.checks,
      maxHeaderSize: 16 * 1024,
    },
    frameworkErrors: (error, request, reply) => sendProblem(request, reply, error, log),
    clientErrorHandler: answerUnreadable,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.on('connect', refuseConnect);
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.addHook('onRequest', (_, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
  acceptJsonOnly(app);
  app.setValidatorCompiler(checkAllButBodies());
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, error, log));
  app.setNotFoundHandler((request) => {
    throw otherMethods(request, table);
  });
  guard(app, { table, authenticator });
  observe(app, observed);
  app.addHook('onResponse', (request, reply, done) => {
    logAnswer(request, reply, log);
    done();
  });
  await limitRates(app, options.requestsAMinute);
  await collectDocs(app, table);
  for (const section of sections)
    await app.register(async (scope) => section.register(scope as App, closing.signal));
  return app;
}

/** Bodies have rules that no schema tells, and are told field by field by those who read them. */
function checkAllButBodies() {
  const ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true });
  formats.default(ajv);
  return ({ schema, httpPart }: { schema: object; httpPart?: string }) =>
    httpPart === 'body' ? () => true : ajv.compile(schema);
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
  log: Logger,
): FastifyReply {
  const told = problemOf(error, request.routeOptions.bodyLimit) ?? defect(error, request, log);
  // Fastify closes the connection after any body that it could not use; one that came whole leaves nothing behind.
  if (request.raw.complete) reply.removeHeader('connection');
  return reply
    .code(told.status)
    .headers(told.headers)
    .type('application/problem+json')
    .send(JSON.stringify(told.body(pathOf(request))));
}

function defect(error: unknown, request: FastifyRequest, log: Logger): Problem {
  log.error('a request failed by a defect', { method: request.method, path: pathOf(request), error });
  return problem(500, 'internal', 'something is broken here; the log says more');
}

function otherMethods(request: FastifyRequest, table: RouteTable): Problem {
  const methods = table.methodsOf(pathOf(request));
  // A pattern stands for more paths than there are.
  if (methods.length === 0 || methods.includes(request.method)) return notFound();
  const allow = methods.join(', ');
  return problem(405, 'method_not_allowed', `this takes ${allow}`, { headers: { allow } });
}

function logAnswer(request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  log.debug('answered', {
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime),
    ...(request.caller === null ? {} : { keyId: request.caller.id }),
  });
}

function pathOf({ raw: { url = '/' } }: FastifyRequest): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Whoever calls; null on routes that are not for keys. */
    caller: Caller | null;
  }
}

/** Everybody on this machine, where no keys are asked for. */
export const OPEN: Caller = {
  id: 'open',
  name: 'open',
  tenant: 'default',
  roles: ['enqueue', 'read', 'schedule', 'operate'],
};

/** No client of ours sends a tenth of it; Node would drop what is beyond its own limit without a word. */
const MOST_HEADERS = 100;

/** Names under which people put keys into a URL, and the look of ours. */
const KEY_NAMES = /^(api[-_]?key|key|access[-_]?token|token|authorization|auth|bearer)$/i;
const KEY_LOOK = /dpf_live_/i;

const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

export interface GuardOptions {
  table: RouteTable;
  /** Undefined: no keys are asked for. */
  authenticator: Authenticator | undefined;
}

/** Before any route: is this a request that may be read, is there a rule for it, and may this caller? Deny by default. */
export function guard(app: FastifyInstance, { table, authenticator }: GuardOptions): void {
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request) => {
    refuseOddities(request);
    if (authenticator === undefined) refuseOtherSites(request);
    if (request.is404) return;
    const rule = table.find(request.method, request.routeOptions.url ?? '');
    if (rule === undefined) throw notFound();
    if (rule.access === 'public' || rule.access === 'own-login') return;
    const caller =
      authenticator === undefined ? OPEN : await authenticator.callerOf(authorizations(request), request.ip);
    const { access } = rule;
    if (!caller.roles.some((role) => access.includes(role)))
      throw problem(403, 'missing_role', `this needs a key with the role ${access.join(' or ')}`);
    request.caller = caller;
  });
}

function refuseOddities({ raw, headers }: FastifyRequest): void {
  if (!raw.url?.startsWith('/')) throw problem(400, 'invalid_target', 'ask for a path, not a whole URL');
  if (headers.host === undefined) throw problem(400, 'host_required', 'send a Host header');
  if (raw.rawHeaders.length / 2 > MOST_HEADERS)
    throw problem(431, 'too_many_headers', `send at most ${MOST_HEADERS} headers`);
  const query = raw.url.indexOf('?');
  if (query !== -1 && holdsKey(raw.url.slice(query + 1)))
    throw problem(
      400,
      'key_in_url',
      'a key in a URL ends up in logs: take it back (dpf keys revoke) and send Authorization: Bearer …',
    );
}

function holdsKey(query: string): boolean {
  return [...new URLSearchParams(query)].some(
    ([name, value]) => KEY_NAMES.test(name) || KEY_LOOK.test(value),
  );
}

/** Without keys a page in this machine's browser could call, be it through a name that leads here. */
function refuseOtherSites({ headers }: FastifyRequest): void {
  const foreign = !LOOPBACK_HOST.test(headers.host ?? '') || headers['sec-fetch-site'] === 'cross-site';
  const origin = headers.origin;
  if (foreign || (origin !== undefined && origin !== `http://${headers.host}`))
    throw problem(403, 'cross_site', 'without keys this server answers programs on this machine only');
}

/** Each as it was sent: Node would keep the first one alone. */
function authorizations({ raw: { rawHeaders } }: FastifyRequest): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
}

export interface ObserveOptions {
  metrics: HttpMetrics;
  scrubber: Scrubber;
}

/** Longer answers are lists of eBay's own products, which were never near a secret and would take long to look through. */
const LOOKED_THROUGH = 256 * 1024;

/** Counts every request by its route as declared, and masks secrets in what is answered. */
export function observe(app: FastifyInstance, { metrics, scrubber }: ObserveOptions): void {
  app.addHook('onResponse', (request, reply, done) => {
    metrics.answered(request.method, request.routeOptions.url, reply.statusCode, reply.elapsedTime);
    done();
  });
  app.addHook('onSend', (_request, _reply, payload, done) => {
    const isShort = typeof payload === 'string' && payload.length <= LOOKED_THROUGH;
    done(null, isShort ? scrubber.text(payload) : payload);
  });
}

/**
 * So many requests a minute of one key to this process. Counted here and not in Redis: what it protects is this process,
 * and a count of the fleet would cost every request a question. Comes before the routes.
 */
export async function limitRates(app: App, requestsAMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: requestsAMinute,
    timeWindow: 60_000,
    keyGenerator: ({ caller }) => caller?.id ?? '',
    // Health and docs are for everybody; what has a login of its own limits itself.
    allowList: ({ caller }) => caller === null,
    errorResponseBuilder: (_, { ttl }) =>
      problem(429, 'rate_limited', `this key may send ${requestsAMinute} requests a minute`, {
        retryAfter: Math.max(1, Math.ceil(ttl / 1000)),
      }),
  });
}

/** What Node's parser could not read never becomes a request; its answer is written by hand. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  end(socket, problemOfParser(error.code));
}

/** No route has this method, and Node would close the connection without a word. */
export function refuseConnect(_request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  end(socket, problem(400, 'method_not_allowed', 'CONNECT has no use here'));
}

function problemOfParser(code: string | undefined): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return problem(431, 'headers_too_large', 'send at most 16 KiB of headers');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem(408, 'request_timeout', 'the request came too slowly');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return problem(413, 'body_too_large', 'the body’s chunk extensions are too long');
    default:
      return problem(400, 'invalid_http', 'this is no HTTP/1.1 request');
  }
}

function end(socket: Duplex, told: Problem): void {
  const { status, title, ...rest } = told.body('') as { status: number; title: string };
  const body = JSON.stringify({ ...rest, status, title });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\n` +
      'Content-Type: application/problem+json\r\n' +
      'Cache-Control: no-store\r\n' +
      'X-Content-Type-Options: nosniff\r\n' +
      'Connection: close\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/**
 * With every answer. Scripts and styles from here alone, nothing inline, no frames; nothing on any page comes from
 * elsewhere. Made once: they are the same for all, and half of a small answer's work would go into making them anew.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join(';'),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
  'cache-control': 'no-store',
};
