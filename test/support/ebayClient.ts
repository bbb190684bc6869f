import type { Config } from '../../src/config/config.ts';
import { EbayClient, type EbayClientOptions } from '../../src/ebay/client.ts';
import type { CallGate } from '../../src/ebay/gate/gate.ts';
import type { TokenSource } from '../../src/ebay/http.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { testConfig } from './config.ts';
import { mintToken } from './simulator.ts';
import { waitFor } from './waitFor.ts';

/** Tokens straight from the simulator, with a record of what was asked of them. */
export class TestTokens implements TokenSource {
  readonly asked: string[] = [];

  /** Without the readings of the cached token: a slow process makes more of them. */
  get changes(): string[] {
    return this.asked.filter((each) => each !== 'cached');
  }

  readonly #mint: () => Promise<string>;
  current = '';
  /** What the cache gives when it is read once more; by default what there is. */
  fresher: string | undefined;

  constructor(mint: () => Promise<string>) {
    this.#mint = mint;
  }

  async getAccessToken(): Promise<string> {
    this.current ||= await this.#mint();
    return this.current;
  }

  async refreshToken(refused?: string): Promise<string> {
    this.asked.push(refused === this.current ? 'refresh' : 'refresh of an older token');
    this.current = await this.#mint();
    return this.current;
  }

  async cachedToken(): Promise<string | undefined> {
    this.asked.push('cached');
    return this.fresher ?? this.current;
  }

  accepted(token: string): void {
    this.asked.push(token === this.current ? 'accepted' : 'accepted another token');
  }
}

/**
 * Makes the gate's count that of eBay, as a process of the fleet does now and then. A worker may be asking at the same time and
 * have older figures, so it is done until the gate has those of now.
 */
export async function takeOverQuota(
  { client, gate }: Pick<TestEbay, 'client' | 'gate'>,
  simulator: Simulator,
): Promise<void> {
  await waitFor('the figures of eBay', async () => {
    await client.reconcile({ askAgainMs: 0 });
    const eBays = simulator.controls.quota();
    const { limit, remaining } = await gate.read();
    return limit === eBays.limit && remaining === eBays.remaining;
  });
}

export interface TestEbay {
  client: EbayClient;
  gate: CallGate;
  tokens: TestTokens;
}

/** A client of the simulator (or of any server) at `url`, quick tries without delay. */
export function testEbay(
  url: string,
  {
    env = {},
    gate,
    mint = () => mintToken(url),
    ...options
  }: {
    env?: Record<string, string>;
    gate: CallGate;
    mint?: () => Promise<string>;
  } & Partial<EbayClientOptions>,
): TestEbay {
  const tokens = new TestTokens(mint);
  const config: Config = testConfig({ EBAY_API_URL: url, EBAY_QUICK_RETRY_DELAY: '0', ...env });
  const client = new EbayClient({ config, gate, tokens, analyticsIntervalMs: 0, ...options });
  return { client, gate, tokens };
}

/** A search that the simulator answers with items. */
export function search({ client }: Pick<TestEbay, 'client'>, signal?: AbortSignal) {
  const call = { class: 'interactive' as const, ...(signal ? { signal } : {}) };
  return client.browse.search({ q: 'phone', limit: '3' }, { 'X-EBAY-C-MARKETPLACE-ID': 'EBAY_US' }, call);
}
