import { Failure } from '../failures.ts';
import { type Finding, fail, ok, skipped, warn } from '../telemetry/finding.ts';
import type { BrowseClient } from './client.ts';
import type { GateState } from './gate/gate.ts';
import type { EbayAuthService } from './oauth/service.ts';
import { axiosClient, closeAxios, networkFailure, transport } from './transport.ts';

const CREDENTIALS = 'credentials';

/** Gets a new token from eBay, which costs one of the day's token requests: the keyset and its scopes are good or not. */
export async function checkCredentials(auth: EbayAuthService): Promise<Finding> {
  try {
    await auth.refreshToken();
    const { environment, scopes, mintsToday, dailyMintLimit } = await auth.status();
    const used = `${mintsToday} of ${dailyMintLimit} token requests today`;
    return ok(CREDENTIALS, `eBay (${environment}) gives a token for ${scopes}; ${used}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return credentialsTrouble(error);
  }
}

function credentialsTrouble({ code, message, detail: { reason } }: Failure): Finding {
  // The message of a refused credential has its remedy behind the colon.
  const [what = message, ...rest] = message.split(/: (?=check )/);
  if (code === 'credential-refused')
    return fail(
      CREDENTIALS,
      'configuration',
      what,
      `${rest.join(': ')}; then dpf token --clear ends the cool-down`,
    );
  if (code === 'mint-budget-spent')
    return fail(
      CREDENTIALS,
      'degraded',
      message,
      'find what asks for tokens in a loop, or raise DAILY_MINT_LIMIT',
    );
  if (reason === 'throttled')
    return fail(
      CREDENTIALS,
      'dependency',
      message,
      'wait; nothing else may use this keyset beside this service',
    );
  return fail(
    CREDENTIALS,
    'dependency',
    message,
    'check the network and EBAY_TOKEN_URL, and see developer.ebay.com/support/api-status',
  );
}

/** A day is nearly used up from this share on. */
const NEARLY = 0.9;

/** @param isEbays whether eBay has just stated its own count, or this service's counter is all there is */
export function quotaFinding({ used, limit, remaining, reset }: GateState, isEbays: boolean): Finding {
  const source = isEbays ? 'by eBay’s own count' : 'by this service’s count; eBay did not state its own';
  const until = new Date(reset).toISOString();
  const message = `${used} of ${limit} calls of the day are used, ${source}`;
  if (remaining === 0)
    return fail(
      'quota',
      'degraded',
      `${message}: no call before ${until}`,
      'searches go on by themselves then; for more calls a day ask eBay for its application growth check',
    );
  if (used > limit * NEARLY)
    return warn('quota', `${message}; the next day begins at ${until}`, 'search less, or as backfill');
  return ok('quota', message);
}

/** Whether pauses and the circuit allow calls. */
export function gateFinding({ closed, circuit, intervalMs }: GateState): Finding {
  if (closed !== undefined && closed.reason !== 'quota') {
    const until = new Date(closed.until).toISOString();
    if (closed.reason === 'pause')
      return warn(
        'gate',
        `eBay asked for a pause (429) until ${until}`,
        'nothing else may use this keyset; if it comes again raise MIN_API_CALL_INTERVAL',
      );
    return fail(
      'gate',
      'dependency',
      `the circuit is open until ${until}: calls to eBay failed`,
      'it closes by itself when eBay answers; the worker’s log says how calls failed',
    );
  }
  if (circuit !== 'closed')
    return warn('gate', 'the circuit is half open: one call will decide', 'wait, and look again');
  return ok(
    'gate',
    intervalMs === 0 ? 'open, without a pace' : `open, one call every ${intervalMs / 1000} s`,
  );
}

/** One search for one item, in turn with everybody else's calls. */
export async function checkSearch(
  browse: BrowseClient,
  marketplace: string,
  timeoutMs: number,
): Promise<Finding> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { body, latencyMs } = await browse.search(
      { q: 'phone case', limit: '1' },
      { 'X-EBAY-C-MARKETPLACE-ID': marketplace },
      { class: 'interactive', signal },
    );
    const found = typeof body.total === 'number' ? `${body.total} listings` : 'an answer';
    return ok('search', `${marketplace} gives ${found} in ${Math.round(latencyMs)} ms`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return searchTrouble(error, timeoutMs);
  }
}

const ACCESS_DENIED = 1100;

function searchTrouble({ code, message, detail }: Failure, timeoutMs: number): Finding {
  if (detail.errorId === ACCESS_DENIED)
    return fail(
      'search',
      'configuration',
      `the token may not search: ${message}`,
      'put https://api.ebay.com/oauth/api_scope into EBAY_SCOPES, and see that the keyset may use the Buy APIs',
    );
  switch (code) {
    case 'gate-closed':
    case 'share-spent':
      return skipped('search', `not made: ${message}`);
    case 'interrupted':
      return warn(
        'search',
        `no turn to call within ${Math.round(timeoutMs / 1000)} s: the fleet is busy`,
        'try again later',
      );
    case 'token-refused':
      return fail(
        'search',
        'configuration',
        message,
        'EBAY_API_URL, EBAY_TOKEN_URL and EBAY_ENVIRONMENT must mean one and the same eBay',
      );
    case 'ebay-refused':
      return fail('search', 'configuration', message, 'check EBAY_MARKETPLACE and EBAY_API_URL');
    default:
      return fail('search', 'dependency', message, 'check the network and EBAY_API_URL; else wait for eBay');
  }
}

export interface ServerClockOptions {
  origin: string;
  ebay: { connectTimeout: number; callTimeout: number; maxBodyBytes: number };
  /** This machine's, ms since the epoch. */
  clock: () => number;
}

/**
 * How far eBay's clock is ahead of this machine's, ms, read from the Date header, so exact to the second. Asks for the origin's
 * root without a token, which is no call of an API and spends nothing. Undefined where the answer has no date.
 * @throws Failure `ebay-unreachable`, `ebay-timeout`
 */
export async function ebayAhead({ origin, ebay, clock }: ServerClockOptions): Promise<number | undefined> {
  const client = axiosClient({ origin, maxBodyBytes: ebay.maxBodyBytes });
  const signal = AbortSignal.timeout(ebay.callTimeout * 1000);
  const asked = clock();
  try {
    const { headers } = await client.head('/', {
      transport: transport(ebay.connectTimeout * 1000),
      signal,
      validateStatus: () => true,
    });
    // The header leaves off the fraction of the second, half of one on average.
    const there = Date.parse(String(headers.date)) + 500;
    return Number.isNaN(there) ? undefined : there - (asked + clock()) / 2;
  } catch (error) {
    throw networkFailure(error, { expired: signal.aborted, aborted: false });
  } finally {
    closeAxios(client);
  }
}
