import { Failure } from '../failures.ts';
import { nextMintDay } from './mintDay.ts';
import { isCredentialRefused } from './pauses.ts';
import type { MintTrouble } from './tokenAnswer.ts';

const REMEDIES: Partial<Record<MintTrouble, string>> = {
  invalid_client:
    'eBay does not know this keyset (invalid_client): check EBAY_CLIENT_ID, EBAY_CLIENT_SECRET and EBAY_ENVIRONMENT',
  invalid_scope:
    'eBay does not grant these scopes (invalid_scope): check EBAY_SCOPES, searching needs the base scope only',
  'tokens-refused':
    'eBay refused three new tokens one after another (tokens-refused): check the keyset and EBAY_ENVIRONMENT at developer.ebay.com',
};

/** No token now because of `because`; the fleet asks again in `ms`. */
export function pausedFailure(because: MintTrouble, ms: number): Failure {
  const until = Date.now() + ms;
  const again = `next request at ${new Date(until).toISOString()}`;
  if (isCredentialRefused(because))
    return new Failure('credential-refused', `${REMEDIES[because]}; ${again}`, { until, because });
  return new Failure('token-unavailable', `eBay's token endpoint fails (${because}); ${again}`, {
    until,
    because,
  });
}

export function budgetFailure(mintsToday: number, limit: number): Failure {
  const until = nextMintDay(Date.now());
  return new Failure(
    'mint-budget-spent',
    `${mintsToday} token requests today, DAILY_MINT_LIMIT is ${limit}: something asks for tokens in a loop; more from ${new Date(until).toISOString()}`,
    { until, because: 'mint-budget' },
  );
}

/** Another process holds the lock for longer than it can live. */
export function stuckFailure(retryMs: number): Failure {
  return new Failure('token-unavailable', 'another process is fetching the token and does not finish', {
    until: Date.now() + retryMs,
    because: 'busy',
  });
}
