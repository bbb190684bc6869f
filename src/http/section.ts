import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { Role } from './auth/apiKeys.ts';

/** The server, its routes typed by their TypeBox schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/**
 * A group of routes that the server is made of: the API's own, the dashboard, the page. It is registered as a plugin in a
 * scope of its own, so its hooks concern its routes only.
 */
export interface Section {
  /** Every route that `register` adds; one that is missing here answers 404. */
  rules: readonly RouteRule[];
  /** @param closing aborts when the server begins to close: answers that are held open must end then */
  register(app: App, closing: AbortSignal): Promise<void> | void;
}

/**
 * Who may call a route: everybody (`public`), whoever a login of the route's own lets in (`own-login`), or a key with one
 * of these roles.
 */
export type Access = 'public' | 'own-login' | readonly Role[];

export interface RouteRule {
  method: string;
  /** As registered, `/v1/searches/:id`; a `*` at the end stands for anything below. */
  url: string;
  access: Access;
}

/**
 * Every route that the server may answer, with who may call it. A route without a rule is refused, whatever it does: who
 * adds one must say whom it is for.
 */
export class RouteTable {
  readonly #rules: ReadonlyArray<RouteRule & { pattern: RegExp }>;

  constructor(rules: readonly RouteRule[]) {
    this.#rules = rules.map((rule) => ({ ...rule, pattern: patternOf(rule.url) }));
  }

  /** @param url as registered */
  find(method: string, url: string): RouteRule | undefined {
    return this.#rules.find((rule) => rule.method === method && (rule.url === url || isBelow(rule.url, url)));
  }

  /** The methods that a path as it was called has a route for. */
  methodsOf(path: string): string[] {
    const methods = this.#rules.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods)];
  }
}

function isBelow(rule: string, url: string): boolean {
  return rule.endsWith('*') && url.startsWith(rule.slice(0, -1));
}

function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.\\+^$(){}|[\]]/g, '\\$&')
    .replace(/:[a-z]+/g, '[^/]+')
    .replace(/\*$/, '.*');
  return new RegExp(`^${source}$`);
}
