import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { RouteRule } from './routeTable.ts';

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
