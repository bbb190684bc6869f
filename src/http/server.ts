import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import accepts from '@fastify/accepts';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { ConfigError } from '../config/config.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { HttpMetrics } from '../telemetry/metrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { isTraced, type RequestSpan, requestSpan } from '../telemetry/tracing.ts';
import { type App, controlAccess, methodsOf, type RouteRule, type Routes, valuesOf } from './access.ts';
import { DELETION_PATH } from './api/accountDeletion.ts';
import { acceptJsonOnly } from './api/body.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { isOfPerson, notFound, type Problem, problem, problemOf } from './problem.ts';

export interface ServerOptions {
  routes: readonly Routes[];
  /** Undefined: no keys are required; on a loopback address only. */
  authenticator: Authenticator | undefined;
  metrics: HttpMetrics;
  scrubber: Scrubber;
  /** Requests of one key to this process. */
  requestsAMinute: number;
  /** Whether there is such a tenant. */
  hasTenant?: (tenant: string) => boolean;
  /** What a reverse proxy has before every path, such as `/ebay`. */
  basePath?: string;
  /** Of an idle connection, seconds. */
  keepAliveS?: number;
  log: Logger;
}

/** Clients send a tenth of it. Node drops headers beyond its own limit without an error. */
const MAX_HEADERS = 100;
/** Longer answers are lists of eBay's products: they hold no secrets, and masking them takes too long. Characters. */
const MASKED_LENGTH = 256 * 1024;

/** The HTTP server. Every error is `application/problem+json`. It does not listen yet. */
export async function createServer(options: ServerOptions): Promise<App> {
  const { routes, metrics, scrubber, log, basePath = '', keepAliveS = 75 } = options;
  const sendProblem = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const path = pathOf(request);
    let answer = problemOf(error, request.routeOptions.bodyLimit);
    if (answer === undefined) {
      log.error('unhandled error', { method: request.method, path, error });
      answer = problem(500, 'internal', 'an internal error: the log says more');
    }
    // Fastify closes the connection after every body that it refused; a body that was read whole leaves nothing on it.
    if (request.raw.complete) reply.removeHeader('connection');
    const { status, headers } = answer;
    request.span?.failed(answer.code);
    if (app.problemPage.show && isOfPerson(request)) return app.problemPage.show(request, reply, answer);
    return reply
      .code(status)
      .headers(headers)
      .type('application/problem+json')
      .send(answer.body(basePath + path, request.span?.traceId));
  };
  const app: App = fastify({
    bodyLimit: 64 * 1024,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    requestTimeout: 20_000,
    keepAliveTimeout: keepAliveS * 1000,
    rewriteUrl: ({ url = '' }) => (OUTSIDE_BASE.has(pathIn(url)) ? url : withoutBase(url, basePath)),
    // An address of a listing is a parameter too.
    routerOptions: { maxParamLength: 2048 },
    // A client that sends a header line a minute would hold a socket for ever.
    http: {
      headersTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: 16 * 1024,
      // Node's own answer has no body: `checkHead` refuses such requests.
      requireHostHeader: false,
    },
    frameworkErrors: sendProblem,
    clientErrorHandler: answerUnreadable,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.on('connect', (_, socket) => {
    socket.on('error', () => socket.destroy());
    endWith(socket, problem(400, 'method_not_allowed', 'CONNECT is not supported'));
  });
  // Node's own answer has no body: `checkHead` refuses such requests.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  if (isTraced()) traceRequests(app, scrubber);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    checkHead(request);
  });
  app.decorate('basePath', basePath);
  if (basePath !== '') app.addHook('onSend', async (_, reply) => addBase(reply, basePath));
  acceptJsonOnly(app);
  const ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true });
  formats.default(ajv);
  // Bodies are checked where they are used: their rules do not fit a schema, and every wrong field is named.
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? () => true : compiledAtFirst(ajv, schema as object),
  );
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request) => {
    const methods = methodsOf(pathOf(request), app.rules());
    // A pattern fits more paths than exist.
    if (methods.length === 0 || methods.includes(request.method)) throw notFound();
    const allow = methods.join(', ');
    throw problem(405, 'method_not_allowed', `this takes ${allow}`, { headers: { allow } });
  });
  controlAccess(app, options);
  endConnections(app);
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.routeOptions.config.showsSecret && reply.statusCode === 200) {
      reply.header('cache-control', 'no-store');
      return payload;
    }
    return typeof payload === 'string' && payload.length <= MASKED_LENGTH ? scrubber.text(payload) : payload;
  });
  app.addHook('onResponse', async (request, reply) => {
    const { url } = request.routeOptions;
    const [{ method, caller }, { statusCode: status, elapsedTime }] = [request, reply];
    metrics.answered(method, url, status, elapsedTime);
    const ms = Math.round(elapsedTime);
    const keyId = caller && { keyId: caller.id };
    const fields = { method, route: url ?? 'none', status, ms, ...keyId };
    if (status === 403) log.warn('request refused', { ...fields, source: request.ip });
    else log.debug('request answered', fields);
  });
  await app.register(accepts);
  // Loaded here: the packages of the documentation are optional, and their absence must not fail at import.
  const { collectDocs } = await import('./api/docs.ts');
  await collectDocs(app);
  for (const each of routes) await app.register(async (scope) => each(scope as App));
  if (basePath !== '') refuseOwnPath(basePath, app.rules());
  return app;
}

/** Most schemas are needed late or never, and compiling all of them held up the start. */
function compiledAtFirst(ajv: Ajv, schema: object) {
  let compiled: ValidateFunction | undefined;
  const validate = (value: unknown): boolean => {
    compiled ??= ajv.compile(schema);
    const isValid = compiled(value);
    validate.errors = compiled.errors;
    return isValid;
  };
  // Where Fastify looks for what is wrong.
  validate.errors = undefined as ValidateFunction['errors'];
  return validate;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined without a tracer provider. */
    span?: RequestSpan;
  }
}

/** Answered every few seconds, and part of nothing. */
const UNTRACED: ReadonlySet<string | undefined> = new Set(['/livez', '/readyz', '/metrics']);

/** A span for each request, within which its hooks and its handler run. Comes before all of them. */
function traceRequests(app: App, scrubber: Scrubber): void {
  app.decorateRequest('span', undefined);
  app.addHook('onRequest', (request, { raw: response }, next) => {
    const { url: route } = request.routeOptions;
    if (UNTRACED.has(route)) return next();
    const span = requestSpan(request, { route, path: scrubber.text(pathOf(request)) });
    request.span = span;
    // Also where the client breaks the connection off.
    response.once('close', () => span.end(response.headersSent ? response.statusCode : undefined));
    span.run(next);
  });
}

/** When the server closes, connections end with the answers that were under way: one that stays open would hold it up. */
function endConnections(app: App): void {
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });
  app.addHook('onSend', async (_, reply) => {
    if (isClosing) reply.header('connection', 'close');
  });
  // The header of a stream was sent before.
  app.addHook('onResponse', async () => {
    if (isClosing) setImmediate(() => app.server.closeIdleConnections());
  });
}

/** A proxy may pass the base path on or take it off. */
function withoutBase(url: string, basePath: string): string {
  const rest = url.slice(basePath.length);
  return basePath !== '' && url.startsWith(basePath) && /^([/?]|$)/.test(rest)
    ? rest.replace(/^(?!\/)/, '/')
    : url;
}

/** Routes answer with paths of this server; the client sees them below the base path. */
async function addBase(reply: FastifyReply, basePath: string): Promise<void> {
  for (const name of ['location', 'link']) {
    const value = reply.getHeader(name);
    if (typeof value === 'string') reply.header(name, value.replace(/^(<?)\/(?!\/)/, `$1${basePath}/`));
  }
}

/** Stays what it is, though `/ebay` is a base path that many have: without that it would be no path of this server. */
const OUTSIDE_BASE: ReadonlySet<string> = new Set([DELETION_PATH]);

/** With a path that has routes of its own, nothing says whether a proxy took it off. @throws ConfigError */
function refuseOwnPath(basePath: string, rules: readonly RouteRule[]): void {
  const own = rules.filter(({ url }) => !OUTSIDE_BASE.has(url));
  if (!own.some(({ url }) => `${url}/`.startsWith(`${basePath}/`))) return;
  const message = `is ${basePath}, but must be a path that the server does not have itself`;
  throw new ConfigError([{ name: 'HTTP_BASE_PATH', message }]);
}

/** Names under which people put keys into a URL, and the prefix of our keys. */
const KEY_NAMES = /^(api[-_]?key|key|access[-_]?token|token|authorization|auth|bearer)$/i;
const KEY_PREFIX = /dpf_live_/i;

/** A name or an address, and a port (RFC 9110, 7.2). */
const HOST = /^(\[[\da-f:.]{2,45}\]|[\w.~%!$&'()*+,;=-]{1,255})(:\d{0,5})?$/i;

function checkHead({ raw, headers }: FastifyRequest): void {
  // Without a version it is HTTP/0.9.
  if (!/^1\.[01]$/.test(raw.httpVersion)) throw problem(...INVALID_HTTP);
  if (!raw.url?.startsWith('/')) throw problem(400, 'invalid_target', 'ask for a path, not a whole URL');
  if (raw.rawHeaders.length / 2 > MAX_HEADERS)
    throw problem(431, 'too_many_headers', `send at most ${MAX_HEADERS} headers`);
  // HTTP/1.0 has none.
  if (headers.host === undefined && raw.httpVersion !== '1.0')
    throw problem(400, 'host_required', 'send a Host header');
  if (!/^100-continue$/i.test(headers.expect ?? '100-continue') && raw.httpVersion !== '1.0')
    throw problem(417, 'expectation_failed', 'the only expectation is 100-continue');
  // A proxy may see another end of such a body.
  const coding = headers['transfer-encoding']?.toLowerCase() ?? 'chunked';
  if (coding !== 'chunked' || (headers['transfer-encoding'] && raw.httpVersion === '1.0'))
    throw problem(400, 'invalid_transfer_encoding', 'chunked by HTTP/1.1 is the only Transfer-Encoding', {
      headers: { connection: 'close' },
    });
  const hosts = valuesOf('host', raw);
  if (hosts.length > 1 || hosts.some((host) => !HOST.test(host)))
    throw problem(
      400,
      'invalid_host',
      'send one Host header, with a host name or address and a port at most',
    );
  const query = new URLSearchParams(raw.url.replace(/^[^?]*/, ''));
  if ([...query].some(([name, value]) => KEY_NAMES.test(name) || KEY_PREFIX.test(value))) {
    const message =
      'a key in a URL ends up in logs: revoke it (dpf keys revoke) and send Authorization: Bearer …';
    throw problem(400, 'key_in_url', message);
  }
}

function pathOf({ raw: { url = '/' } }: FastifyRequest): string {
  return pathIn(url);
}

function pathIn(url: string): string {
  return url.split(/[?#]/, 1)[0] as string;
}

/** A request that Node's parser refused never reaches Fastify, so its answer is written to the socket. */
function answerUnreadable({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  const { _httpMessage: answer } = socket as Duplex & { _httpMessage?: ServerResponse };
  // An answer has begun: a second one would be written into it.
  if (code === 'ECONNRESET' || !socket.writable || answer?.headersSent) socket.destroy();
  // An earlier request of the connection is whole: it gets its answer, and the connection ends with that.
  else if (answer?.req.complete) answer.shouldKeepAlive = false;
  else endWith(socket, problem(...(PARSER_ERRORS[code] ?? INVALID_HTTP)));
}

type Cause = [status: number, code: string, message: string];

const INVALID_HTTP: Cause = [400, 'invalid_http', 'this is not an HTTP/1.1 request'];
const PARSER_ERRORS: Readonly<Record<string, Cause>> = {
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'send at most 16 KiB of headers'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'the request came too slowly'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'body_too_large', 'the chunk extensions of the body are too long'],
};

function endWith(socket: Duplex, answer: Problem): void {
  const body = answer.body('');
  socket.end(
    `HTTP/1.1 ${answer.status} ${answer.title}\r\n` +
      'Content-Type: application/problem+json\r\n' +
      'Cache-Control: no-store\r\n' +
      'X-Content-Type-Options: nosniff\r\n' +
      'Connection: close\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** A policy of this server: scripts and styles from it alone, nothing inline, no frames. */
export function contentPolicy({ images = "'self' data:", base = "'none'" } = {}): string {
  const own = ['script-src', 'style-src', 'font-src', 'connect-src', 'form-action'];
  const directives = [...own.map((name) => `${name} 'self'`), `img-src ${images}`, `base-uri ${base}`];
  return ["default-src 'none'", ...directives, "frame-ancestors 'none'"].join(';');
}

/** With every answer. A constant: computing them took half the time of a small answer. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': contentPolicy(),
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
