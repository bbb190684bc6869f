import { Failure } from '../../failures.ts';
import { type Finding, fail, ok } from '../../telemetry/finding.ts';
import type { EbayAuthService } from './service.ts';

const CHECK = 'credentials';

/** Gets a new token from eBay, which costs one of the day's token requests: the keyset and its scopes are good or not. */
export async function checkCredentials(auth: EbayAuthService): Promise<Finding> {
  try {
    await auth.refreshToken();
    const { environment, scopes, mintsToday, dailyMintLimit } = await auth.status();
    const used = `${mintsToday} of ${dailyMintLimit} token requests today`;
    return ok(CHECK, `eBay (${environment}) gives a token for ${scopes}; ${used}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return refused(error);
  }
}

function refused({ code, message, detail: { reason } }: Failure): Finding {
  // The message of a refused credential has its remedy behind the colon.
  const [what = message, ...rest] = message.split(/: (?=check )/);
  if (code === 'credential-refused')
    return fail(
      CHECK,
      'configuration',
      what,
      `${rest.join(': ')}; then dpf token --clear ends the cool-down`,
    );
  if (code === 'mint-budget-spent')
    return fail(CHECK, 'degraded', message, 'find what asks for tokens in a loop, or raise DAILY_MINT_LIMIT');
  if (reason === 'throttled')
    return fail(CHECK, 'dependency', message, 'wait; nothing else may use this keyset beside this service');
  return fail(
    CHECK,
    'dependency',
    message,
    'check the network and EBAY_TOKEN_URL, and see developer.ebay.com/support/api-status',
  );
}
