import { axiosClient, closeAxios } from './axiosClient.ts';
import { networkFailure } from './networkFailure.ts';
import { transport } from './transport.ts';

export interface ServerClockOptions {
  origin: string;
  ebay: { connectTimeout: number; callTimeout: number; maxBodyBytes: number };
  /** This machine's, ms since the epoch. */
  clock: () => number;
}

/**
 * How far eBay's clock is ahead of this machine's, ms, as the Date header tells it: to the second. Asks for the origin's
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
