import type { RequestKind } from './log.ts';

export interface Route {
  readonly kind: RequestKind;
  /** The path's variable parts, still encoded. */
  readonly parts: readonly string[];
}

/** eBay's own paths, and the simulator's pictures and pages. */
const ROUTES: readonly [method: string, kind: RequestKind, path: RegExp][] = [
  ['POST', 'token', /^\/identity\/v1\/oauth2\/token$/],
  ['GET', 'search', /^\/buy\/browse\/v1\/item_summary\/search$/],
  ['GET', 'item', /^\/buy\/browse\/v1\/item\/((?!get_)[^/]+)$/],
  ['GET', 'rate-limit', /^\/developer\/analytics\/v1_beta\/rate_limit\/?$/],
  ['GET', 'picture', /^\/pictures\/(\d+)\/(\d+)\.svg$/],
  ['GET', 'page', /^\/itm\/(\d+)$/],
];

export function route(method: string, path: string): Route {
  for (const [verb, kind, form] of ROUTES) {
    const parts = verb === method ? form.exec(path) : null;
    if (parts !== null) return { kind, parts: parts.slice(1) };
  }
  return { kind: 'other', parts: [] };
}
