import { PassThrough } from 'node:stream';
import { Redis } from 'ioredis';
import { type ServeApp, startServeApp } from '../../src/app/serve.ts';
import { FleetStore, NOTHING, publishNext } from '../../src/fleet/fleetStore.ts';
import { ApiKeys, type Role } from '../../src/http/auth/apiKeys.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from './config.ts';
import { useRedis } from './redis.ts';
import type { TestService } from './service.ts';

export interface HttpService {
  readonly app: ServeApp;
  /** A connection to its Redis. */
  readonly redis: Redis;
  readonly keys: ApiKeys;
  /** What the server has logged so far, as lines of JSON. */
  readonly logged: string;
  /** A new key with these roles; default: all. */
  key(roles?: Role[], tenant?: string): Promise<string>;
  /** Calls the server over its socket with a key that may do everything, unless `headers` say otherwise. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at parts of many kinds of answers
  json: any;
}

const ALL: Role[] = ['enqueue', 'read', 'schedule', 'operate'];

/**
 * The HTTP server on a free port, started before each test: with an empty Redis of its own, or beside a service whose
 * worker then does the searches.
 * @param isKept it is started once, and a test finds what the ones before it have left; default: where that service is
 */
export function useHttpService(
  env: Record<string, string> = {},
  { beside, isKept = beside?.users !== undefined }: { beside?: TestService; isKept?: boolean } = {},
): HttpService {
  // Before the end of its Redis.
  if (isKept && beside === undefined) after(() => stop());
  const redis = beside === undefined ? useRedis(undefined, { isKept }) : undefined;
  const sink = new PassThrough().setEncoding('utf8');
  let logged = '';
  sink.on('data', (text: string) => {
    logged += text;
  });
  let app: ServeApp;
  let keys: ApiKeys;
  let master: string;
  let connection: Redis;
  (isKept ? before : beforeEach)(async () => {
    const url = redis?.url ?? (beside as TestService).config.redis.url;
    connection = new Redis(url, { maxRetriesPerRequest: 1 });
    keys = new ApiKeys(connection, '{ebay}');
    master = await newKey(keys);
    const config = testConfig({
      REDIS_URL: url,
      // Whose pictures the page may show.
      ...(beside && { EBAY_API_URL: beside.config.ebay.apiUrl }),
      HTTP_PORT: '0',
      HTTP_RATE_LIMIT: '1000000',
      ...env,
    });
    logged = '';
    app = await startServeApp(config, new LogRoot({ level: 'debug', levels: '', format: 'json' }, sink));
  });
  const stop = async () => {
    connection.disconnect();
    await app.stop();
  };
  if (isKept) beside?.users?.push(stop);
  else afterEach(stop);
  return {
    get redis() {
      return connection;
    },
    get app() {
      return app;
    },
    get keys() {
      return keys;
    },
    get logged() {
      return logged;
    },
    async key(roles, tenant) {
      if (tenant !== undefined) await declareTenant(connection, tenant);
      await app.reload();
      return newKey(keys, roles, tenant);
    },
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${app.url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${master}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: bodyOf(body) }),
      });
      return answerOf(response);
    },
  };
}

/** The server knows a tenant from then on; nothing works for it. */
async function declareTenant(redis: Redis, name: string): Promise<void> {
  const keyset = { clientIdEnv: 'NOT_SET', clientSecretEnv: 'NOT_SET' };
  await publishNext(
    new FleetStore(redis, '{ebay}'),
    NOTHING,
    ({ added }) => ({ document: { added: { ...added, [name]: keyset } }, changed: true, stale: [] }),
    () => undefined,
  );
}

/** Takes all tenants back that were declared; a server knows it within a second, or after a reload. */
export async function removeTenants(redis: Redis): Promise<void> {
  const store = new FleetStore(redis, '{ebay}');
  await publishNext(
    store,
    await store.read(),
    (document) => ({ document: { ...document, added: {} }, changed: true, stale: [] }),
    () => undefined,
  );
}

async function newKey(keys: ApiKeys, roles = ALL, tenant = 'default'): Promise<string> {
  return (await keys.add({ name: 'test', tenant, roles, expiresAt: null })).key;
}

function bodyOf(body: unknown): string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = /[/+]json(;|$)/.test(response.headers.get('content-type') ?? '') && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}
