import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

export interface PeerRow {
  peer: string;
  /** 100 callers at once, empty cache; our table has 800 in 8 processes. */
  coldMints?: number;
  /** 100 calls at once whose token was refused. */
  stormMints?: number;
  note: string;
}

// biome-ignore lint/suspicious/noExplicitAny: programs that are not installed have no types here
type Program = any;
const CALLERS = 100;

/** Other programs at the same two scenarios, one process each: none of them shares a token between processes. */
export async function peers(folder: string | undefined): Promise<PeerRow[]> {
  const load = async (name: string): Promise<Program> => {
    if (folder === undefined) throw new Error('not installed (--peers)');
    const resolve = createRequire(join(folder, 'package.json')).resolve;
    return import(pathToFileURL(resolve(name)).href);
  };
  const rows: PeerRow[] = [];
  for (const [peer, measure] of Object.entries({
    'ebay-api': async (mint: Mint) => ebayApi((await load('ebay-api')).default, mint),
    'AWS memoize (@smithy/core)': async (mint: Mint) => memoize(await load('@smithy/core'), mint),
    'google-auth-library (refresh token)': async (mint: Mint) =>
      google(await load('google-auth-library'), mint),
  })) {
    const endpoint = await startEndpoint();
    try {
      rows.push({ peer, ...(await measure(endpoint)) });
    } catch (error) {
      rows.push({ peer, note: String((error as Error).message).split('\n')[0] ?? '' });
    } finally {
      endpoint.close();
    }
  }
  return rows;
}

interface Mint {
  url: string;
  count: number;
  token(): Promise<{ access_token: string; expires_in: number; token_type: string }>;
  close(): void;
}

/** Grants whatever is asked, after 60 ms, and counts. */
async function startEndpoint(): Promise<Mint> {
  const server = createServer(async (request, response) => {
    for await (const _ of request);
    mint.count += 1;
    const name = `token-${mint.count}`;
    await sleep(60);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: name, expires_in: 7200, token_type: 'Bearer' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const mint: Mint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    count: 0,
    token: async () => (await fetch(mint.url, { method: 'POST' })).json() as ReturnType<Mint['token']>,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return mint;
}

const atOnce = (work: () => Promise<unknown>) => Promise.allSettled(Array.from({ length: CALLERS }, work));

async function ebayApi(EbayApi: Program, mint: Mint): Promise<Omit<PeerRow, 'peer'>> {
  let refused = '';
  const http = {
    instance: {},
    postForm: async () => ({ data: await mint.token() }),
    get: async (_url: string, { headers }: { headers: { Authorization: string } }) => {
      await sleep(20);
      if (!headers.Authorization.endsWith(` ${refused}`)) return { data: { itemSummaries: [] } };
      const errors = [
        { errorId: 1001, domain: 'OAuth', category: 'REQUEST', message: 'Invalid access token' },
      ];
      throw Object.assign(new Error('401'), { response: { status: 401, data: { errors } } });
    },
  };
  const api = new EbayApi({ appId: 'app', certId: 'cert', sandbox: true, siteId: 0 }, http);
  await atOnce(() => api.OAuth2.getApplicationAccessToken());
  const coldMints = mint.count;
  refused = await api.OAuth2.getApplicationAccessToken();
  await atOnce(() => api.buy.browse.search({ q: 'cable' }));
  return { coldMints, stormMints: mint.count - coldMints, note: 'one process' };
}

async function memoize(smithy: Program, mint: Mint): Promise<Omit<PeerRow, 'peer'>> {
  const get = smithy.memoizeIdentityProvider(
    () => mint.token(),
    () => false,
    () => true,
  );
  await atOnce(() => get());
  const coldMints = mint.count;
  await atOnce(() => get({ forceRefresh: true }));
  const stormMints = mint.count - coldMints;
  for (let n = 0; n < 10; n += 1) await get({ forceRefresh: true });
  const late = mint.count - coldMints - stormMints;
  return { coldMints, stormMints, note: `one process; 10 late refusals: ${late} mints` };
}

async function google({ OAuth2Client }: Program, mint: Mint): Promise<Omit<PeerRow, 'peer'>> {
  const endpoints = { oauth2TokenUrl: mint.url };
  const client = new OAuth2Client({ clientId: 'id', clientSecret: 'secret', endpoints });
  client.setCredentials({ refresh_token: 'refresh' });
  await atOnce(() => client.getAccessToken());
  const coldMints = mint.count;
  await atOnce(() => client.refreshAccessToken());
  return { coldMints, stormMints: mint.count - coldMints, note: 'one process' };
}
