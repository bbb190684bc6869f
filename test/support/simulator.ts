import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import type { SimulatorOptions } from '../../src/simulator/world.ts';

/**
 * Starts a simulator before the tests of the surrounding `describe` and closes it after them; before each
 * test faults and log are cleared. Steady pages and a tenth of the catalogue unless `options` say otherwise.
 */
export function useSimulator(options: Partial<SimulatorOptions> = {}): () => Simulator {
  let simulator: Simulator | undefined;
  before(async () => {
    simulator = await startSimulator({ catalogueScale: 0.1, unsteady: STEADY, ...options });
  });
  beforeEach(() => {
    simulator?.controls.clear();
    simulator?.controls.clearLog();
  });
  after(() => simulator?.close());
  return () => {
    if (simulator === undefined) throw new Error('the simulator runs only within tests');
    return simulator;
  };
}

/** Asks the token endpoint as a client would. */
export function askToken(url: string, credential = DEMO_CREDENTIALS, body?: string): Promise<Response> {
  const pair = Buffer.from(`${credential.clientId}:${credential.clientSecret}`).toString('base64');
  return fetch(`${url}/identity/v1/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${pair}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: body ?? 'grant_type=client_credentials&scope=https%3A%2F%2Fapi.ebay.com%2Foauth%2Fapi_scope',
  });
}

export async function mintToken(url: string, credential = DEMO_CREDENTIALS): Promise<string> {
  const response = await askToken(url, credential);
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

/** A GET below the simulator's origin with a token, and further headers. */
export function get(
  url: string,
  path: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
}

export const SEARCH = '/buy/browse/v1/item_summary/search';
