import type { Duplex } from 'node:stream';
import accepts from '@fastify/accepts';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../telemetry/logger.ts';
import type { HttpMetrics } from '../telemetry/metrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { type App, controlAccess, methodsOf, type Routes } from './access.ts';
import { acceptJsonOnly } from './api/body.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { notFound, type Problem, problem, problemOf } from './problem.ts';

export interface ServerOptions {
  routes: readonly Routes[];
  /** Undefined: no keys are required; on a loopback address only. */
  authenticator: Authenticator | undefined;
  metrics: HttpMetrics;
  scrubber: Scrubber;
  /** Requests of one key to this process. */
  requestsAMinute: number;
  log: Logger;
}

/** Clients send a tenth of it. Node drops headers beyond its own limit without an error. */
const MAX_HEADERS = 100;
/** Longer answers are lists of eBay's products: they hold no secrets, and masking them takes too long. Characters. */
const MASKED_LENGTH = 256 * 1024;

/** The HTTP server. Every error is `application/problem+json`. It does not listen yet. */
export async function createServer(options: ServerOptions): Promise<App> {
  const { routes, authenticator, metrics, scrubber, log } = options;
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
    return reply.code(status).headers(headers).type('application/problem+json').send(answer.body(path));
  };
  const app: App = fastify({
    bodyLimit: 64 * 1024,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    requestTimeout: 20_000,
    keepAliveTimeout: 30_000,
    routerOptions: { maxParamLength: 200 },
    // A client that sends a header line a minute would hold a socket for ever.
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, maxHeaderSize: 16 * 1024 },
    frameworkErrors: sendProblem,
    clientErrorHandler: answerUnreadable,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.on('connect', (_, socket) => {
    socket.on('error', () => socket.destroy());
    endWith(socket, problem(400, 'method_not_allowed', 'CONNECT is not supported'));
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    checkHead(request);
  });
  acceptJsonOnly(app);
  const ajv = new Ajv({ coerceTypes: true, useDefaults: true, allErrors: true });
  formats.default(ajv);
  // Bodies are checked where they are used: their rules do not fit a schema, and every wrong field is named.
  app.setValidatorCompiler(({ schema, httpPart }) =>
    httpPart === 'body' ? () => true : ajv.compile(schema as object),
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
  controlAccess(app, authenticator);
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' && payload.length <= MASKED_LENGTH ? scrubber.text(payload) : payload,
  );
  app.addHook('onResponse', async (request, reply) => {
    const { url } = request.routeOptions;
    const [{ method, caller }, { statusCode: status, elapsedTime }] = [request, reply];
    metrics.answered(method, url, status, elapsedTime);
    const ms = Math.round(elapsedTime);
    const keyId = caller && { keyId: caller.id };
    log.debug('request answered', { method, route: url ?? 'none', status, ms, ...keyId });
  });
  await app.register(accepts);
  await limitRates(app, options.requestsAMinute);
  // Loaded here: the packages of the documentation are optional, and their absence must not fail at import.
  const { collectDocs } = await import('./api/docs.ts');
  await collectDocs(app);
  for (const each of routes) await app.register(async (scope) => each(scope as App));
  return app;
}

/** Names under which people put keys into a URL, and the prefix of our keys. */
const KEY_NAMES = /^(api[-_]?key|key|access[-_]?token|token|authorization|auth|bearer)$/i;
const KEY_PREFIX = /dpf_live_/i;

function checkHead({ raw, headers }: FastifyRequest): void {
  if (!raw.url?.startsWith('/')) throw problem(400, 'invalid_target', 'ask for a path, not a whole URL');
  if (headers.host === undefined) throw problem(400, 'host_required', 'send a Host header');
  if (raw.rawHeaders.length / 2 > MAX_HEADERS)
    throw problem(431, 'too_many_headers', `send at most ${MAX_HEADERS} headers`);
  const query = new URLSearchParams(raw.url.replace(/^[^?]*/, ''));
  if ([...query].some(([name, value]) => KEY_NAMES.test(name) || KEY_PREFIX.test(value))) {
    const message =
      'a key in a URL ends up in logs: revoke it (dpf keys revoke) and send Authorization: Bearer …';
    throw problem(400, 'key_in_url', message);
  }
}

function pathOf({ raw: { url = '/' } }: FastifyRequest): string {
  return url.split(/[?#]/, 1)[0] as string;
}

/** Counted in this process: the limit protects the process, and a count in Redis would cost every request a round trip. */
async function limitRates(app: App, requestsAMinute: number): Promise<void> {
  await app.register(rateLimit, {
    max: requestsAMinute,
    timeWindow: 60_000,
    keyGenerator: ({ caller }) => caller?.id ?? '',
    // Routes without a key are public or limit their logins themselves.
    allowList: ({ caller }) => caller === null,
    errorResponseBuilder: (_, { ttl }) =>
      problem(429, 'rate_limited', `this key may send ${requestsAMinute} requests a minute`, {
        retryAfter: Math.max(1, Math.ceil(ttl / 1000)),
      }),
  });
}

/** A request that Node's parser refused never reaches Fastify, so its answer is written to the socket. */
function answerUnreadable({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === 'ECONNRESET' || !socket.writable) socket.destroy();
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
