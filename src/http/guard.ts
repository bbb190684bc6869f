import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Authenticator, Caller } from './authenticator.ts';
import { notFound, problem } from './problem.ts';
import type { RouteTable } from './routeTable.ts';

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
