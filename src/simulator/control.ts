/**
 * The control API: what `Controls` can do, over HTTP and JSON. Never part of what eBay offers.
 *
 *     GET    /_sim/state                     tokens, quotas, faults, settings, newest log number
 *     GET    /_sim/log?since=SEQ&kind=KIND   log entries; kind: token, search, item, rate-limit, …
 *     DELETE /_sim/log
 *     POST   /_sim/faults                    a FaultSpec → {"id"}
 *     DELETE /_sim/faults[/ID]               disarms one fault, or all
 *     PUT    /_sim/quota                     {"clientId"?, "limit"?, "used"?, "remaining"?, "resetInS"?, …}
 *     POST   /_sim/tokens/revoke             {"clientId"?} → {"revoked"}
 *     PUT    /_sim/credentials               {"clientId", "clientSecret", "scopes"?}: adds one, or changes its secret
 *     PUT    /_sim/settings                  {"latencyMs"?, "unsteady"?, "tokenLifetime"?, "tokenValidity"?}
 *     POST   /_sim/listings                  {"title", "price", "marketplace"?, …} → {"itemId"}
 *     PATCH  /_sim/listings/ID               {"price"?, "stock"?}
 *     DELETE /_sim/listings/ID
 *
 * Refusals are `{"error": "…"}`: 400 for what makes no sense, 404 for an unknown path.
 */

import { ControlError, type Controls } from './controls.ts';
import { type Answer, empty, json } from './errors.ts';
import type { RequestKind } from './log.ts';

export function answerControl(
  controls: Controls,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): Answer {
  const [name = '', rest] = path.replace(/^\/_sim\/?/, '').split(/\/(.*)/s);
  try {
    // biome-ignore lint/suspicious/noExplicitAny: the shape of each body stands in the list above
    const asked: any = body === '' ? {} : JSON.parse(body);
    switch (`${method} ${name}`) {
      case 'GET state':
        return json(200, controls.state());
      case 'GET log':
        return json(200, controls.log(readFilter(query)));
      case 'DELETE log':
        controls.clearLog();
        return empty(204);
      case 'POST faults':
        return json(200, { id: controls.arm(asked) });
      case 'DELETE faults':
        controls.clear(rest === undefined ? undefined : Number(rest));
        return empty(204);
      case 'PUT quota':
        return json(200, controls.quota(asked));
      case 'POST tokens':
        return json(200, { revoked: controls.revokeTokens(asked.clientId) });
      case 'PUT credentials':
        controls.setCredential(asked);
        return empty(204);
      case 'PUT settings':
        controls.configure(asked);
        return empty(204);
      case 'POST listings':
        return json(200, { itemId: controls.addListing(asked) });
      case 'PATCH listings':
        controls.changeListing(decodeURIComponent(rest ?? ''), asked);
        return empty(204);
      case 'DELETE listings':
        controls.removeListing(decodeURIComponent(rest ?? ''));
        return empty(204);
      default:
        return json(404, { error: `no control is at ${method} ${path}` });
    }
  } catch (error) {
    if (error instanceof ControlError || error instanceof SyntaxError || error instanceof URIError) {
      return json(400, { error: error.message });
    }
    throw error;
  }
}

function readFilter(query: URLSearchParams) {
  const kind = query.get('kind');
  return {
    since: Number(query.get('since') ?? 0),
    ...(kind !== null && { kind: kind as RequestKind }),
  };
}
