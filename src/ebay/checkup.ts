import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import { type Finding, fail, ok, skipped, type Trouble, warn } from '../telemetry/finding.ts';
import type { BrowseClient } from './client.ts';
import type { GateState } from './gate/gate.ts';
import type { EbayAuthService } from './oauth/service.ts';
import { axiosClient, closeAxios, networkFailure } from './transport.ts';

/** Gets a new token from eBay, which costs one of the day's token requests: the keyset and its scopes are good or not. */
export async function checkCredentials(auth: EbayAuthService): Promise<Finding> {
  try {
    await auth.refreshToken();
    const { environment, scopes, mintsToday, dailyMintLimit } = await auth.status();
    const used = `${mintsToday} of ${dailyMintLimit} token requests today`;
    return ok('credentials', `eBay (${environment}) gives a token for ${scopes}; ${used}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return credentialsTrouble(error);
  }
}

function credentialsTrouble({ code, message, detail: { reason } }: Failure): Finding {
  const finding = (trouble: Trouble, remedy: string) => fail('credentials', trouble, message, remedy);
  if (code === 'credential-refused') {
    // Its message has the remedy behind the colon.
    const [what = message, ...remedy] = message.split(/: (?=check )/);
    const end = 'then dpf token --clear ends the cool-down';
    return fail('credentials', 'configuration', what, `${remedy.join(': ')}; ${end}`);
  }
  if (code === 'mint-budget-spent')
    return finding('degraded', 'find what asks for tokens in a loop, or raise DAILY_MINT_LIMIT');
  if (reason === 'throttled')
    return finding('dependency', 'wait; nothing else may use this keyset beside this service');
  const status = 'developer.ebay.com/support/api-status';
  return finding('dependency', `check the network and EBAY_TOKEN_URL, and see ${status}`);
}

/** A day is nearly used up from this share on. */
const NEARLY = 0.9;

/** @param isEbays whether eBay has just stated its own count, or this service's counter is all there is */
export function quotaFinding(
  { used, limit, remaining, reset, countLost }: GateState,
  isEbays: boolean,
): Finding {
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
  if (countLost !== false)
    return warn(
      'quota',
      `Redis lost the count of the day’s calls: at least ${used} of ${limit} are used`,
      'dpf quota --reconcile asks eBay for its count; UNCONFIRMED_SHARE bounds the calls until then',
    );
  if (used > limit * NEARLY)
    return warn('quota', `${message}; the next day begins at ${until}`, 'search less, or as backfill');
  return ok('quota', message);
}

/** Whether pauses and the circuit allow calls. */
export function gateFinding({ closed, circuit, intervalMs }: GateState): Finding {
  const until = closed && new Date(closed.until).toISOString();
  if (closed?.reason === 'pause')
    return warn(
      'gate',
      `eBay asked for a pause (429) until ${until}`,
      'nothing else may use this keyset; if it comes again raise MIN_API_CALL_INTERVAL',
    );
  if (closed?.reason === 'circuit')
    return fail(
      'gate',
      'dependency',
      `the circuit is open until ${until}: calls to eBay failed`,
      'it closes by itself when eBay answers; the worker’s log says how calls failed',
    );
  if (circuit !== 'closed')
    return warn('gate', 'the circuit is half open: one call will decide', 'wait, and look again');
  const pace = intervalMs === 0 ? 'without a pace' : `one call every ${intervalMs / 1000} s`;
  return ok('gate', `open, ${pace}`);
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
  const finding = (trouble: Trouble, remedy: string, what = message) => fail('search', trouble, what, remedy);
  if (detail.errorId === ACCESS_DENIED)
    return finding(
      'configuration',
      'put https://api.ebay.com/oauth/api_scope into EBAY_SCOPES, and see that the keyset may use the Buy APIs',
      `the token may not search: ${message}`,
    );
  if (code === 'gate-closed' || code === 'share-spent') return skipped('search', `not made: ${message}`);
  if (code === 'interrupted') {
    const seconds = Math.round(timeoutMs / 1000);
    return warn('search', `no turn to call within ${seconds} s: the fleet is busy`, 'try again later');
  }
  if (code === 'token-refused')
    return finding(
      'configuration',
      'EBAY_API_URL, EBAY_TOKEN_URL and EBAY_ENVIRONMENT must mean one and the same eBay',
    );
  if (code === 'ebay-refused') return finding('configuration', 'check EBAY_MARKETPLACE and EBAY_API_URL');
  return finding('dependency', 'check the network and EBAY_API_URL; else wait for eBay');
}

/**
 * How far eBay's clock is ahead of this machine's, ms, read from the Date header, so exact to the second. Asks for the origin's
 * root without a token, which is no call of an API and spends nothing. Undefined where the answer has no date.
 * @param clock this machine's, ms since the epoch
 * @throws Failure `ebay-unreachable`, `ebay-timeout`
 */
export async function ebayAhead(ebay: Config['ebay'], clock: () => number): Promise<number | undefined> {
  const client = axiosClient(apiOrigin(ebay), ebay);
  const signal = AbortSignal.timeout(ebay.callTimeout * 1000);
  const asked = clock();
  try {
    const { headers } = await client.head('/', {
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
