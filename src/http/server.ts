import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../telemetry/logger.ts';
import type { Authenticator } from './authenticator.ts';
import { collectDocs } from './docs.ts';
import { guard } from './guard.ts';
import { acceptJsonOnly } from './jsonBody.ts';
import { type ObserveOptions, observe } from './observe.ts';
import { notFound, type Problem, problem, problemOf } from './problem.ts';
import { limitRates } from './rateLimit.ts';
import { answerUnreadable, refuseConnect } from './rawAnswers.ts';
import { RouteTable } from './routeTable.ts';
import type { App, Section } from './section.ts';
import { SECURITY_HEADERS } from './securityHeaders.ts';

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
