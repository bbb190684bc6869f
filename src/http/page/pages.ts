import type { FastifyReply, FastifyRequest } from 'fastify';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import type { ProducerOf } from '../api/searches.ts';
import type { Role } from '../auth/apiKeys.ts';
import type { Document, Html, Site } from './html.ts';
import type { Visitor, VisitorsOptions } from './visitors.ts';

export interface PageOptions extends VisitorsOptions {
  producerOf: ProducerOf;
  quotaOf: (tenant: string) => Promise<QuotaReport>;
  /** The latest events, newest first. */
  latestOf: (tenant: string) => Promise<ServiceEvent[]>;
  /** Marketplace of a search that names none. */
  marketplace: string;
  /** Where eBay's API is; a simulator serves its pictures there too. */
  apiOrigin: string;
  /** What else there is to look at. */
  links: Site['links'];
}

/** What the pages are made with. */
export interface Pages extends PageOptions {
  get: (url: string, role: Role, answer: Answerer) => void;
  post: (url: string, role: Role, answer: Answerer) => void;
  show: (reply: FastifyReply, visitor: Visitor | null, page: Document) => FastifyReply;
  /** A part of a page. */
  part: (reply: FastifyReply, content: Html) => FastifyReply;
}

export type Answerer = (
  request: FastifyRequest<{ Params: Record<string, string>; Querystring: Record<string, string> }>,
  reply: FastifyReply,
  visitor: Visitor,
) => Promise<FastifyReply>;
