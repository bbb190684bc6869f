import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, text } from './answer.ts';
import { readBuyer } from './buyer.ts';
import { BASE_SCOPE } from './credentials.ts';
import { accessDenied, invalidToken, refuse, tooManyRequests } from './errors.ts';
import { itemAnswer } from './item.ts';
import type { LogEntry } from './log.ts';
import { grantToken } from './oauth.ts';
import { itemPage, picture } from './pictures.ts';
import { rateLimits } from './rateLimits.ts';
import type { Route } from './route.ts';
import type { Token } from './tokens.ts';
import type { World } from './world.ts';

export interface Call {
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly entry: LogEntry;
}

/** The token that a call carries, working or not. */
export function presentedToken(world: World, headers: IncomingHttpHeaders): Token | undefined {
  const value = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  return value === undefined ? undefined : world.tokens.find(value);
}

/** What eBay answers. Tokens, permission and quota come first, as they do there. */
export function ebayAnswer(world: World, call: Call): Answer {
  const { route, headers, entry } = call;
  switch (route.kind) {
    case 'token': {
      const { authorization, 'content-type': contentType } = headers;
      const { answer, minted } = grantToken(world.tokens, {
        authorization,
        contentType,
        body: call.body,
      });
      entry.token = minted?.id ?? null;
      return answer;
    }
    case 'search':
    case 'item':
    case 'rate-limit':
      return authorised(world, call);
    case 'picture':
      return picture(world.catalogue, route.parts[0] ?? '', Number(route.parts[1]));
    case 'page':
      return itemPage(world.catalogue, route.parts[0] ?? '');
    default:
      return refuse(404, {
        errorId: 2002,
        domain: 'ACCESS',
        category: 'REQUEST',
        message: 'Resource not found',
      });
  }
}

/** Charges a Browse call with a working token to its credential's day; false when the day is used up. */
export function charge(world: World, { route, headers }: Call): boolean {
  if (route.kind !== 'search' && route.kind !== 'item') return true;
  const token = presentedToken(world, headers);
  return token === undefined || !world.tokens.works(token) || token.account.quota.charge();
}

function authorised(world: World, call: Call): Answer {
  const { headers, query, route } = call;
  if (headers.authorization === undefined) return accessDenied();
  const token = presentedToken(world, headers);
  if (token === undefined || !world.tokens.works(token)) return invalidToken();
  if (!token.scopes.includes(BASE_SCOPE)) return accessDenied();
  if (route.kind === 'rate-limit') return rateLimits(token.account.quota.state(), query);
  if (!charge(world, call)) return tooManyRequests();

  const marketplace = first(headers['x-ebay-c-marketplace-id']);
  const buyer = readBuyer(first(headers['x-ebay-c-enduserctx']));
  if (route.kind === 'item') {
    const encodedId = route.parts[0] ?? '';
    return itemAnswer(world.catalogue, world.origin, { encodedId, query, marketplace, buyer });
  }
  const origin = headers.host === undefined ? world.origin : `http://${headers.host}`;
  return world.search.answer({ query, marketplace, buyer, origin });
}

export function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** For a request that no rule of eBay's covers. */
export function badRequest(reason: string): Answer {
  return text(400, reason, 'text/plain');
}
