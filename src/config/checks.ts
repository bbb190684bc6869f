import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config, ConfigProblem } from './config.ts';

const EBAY_ORIGIN = { sandbox: 'https://api.sandbox.ebay.com', production: 'https://api.ebay.com' } as const;
const TOKEN_PATH = '/identity/v1/oauth2/token';

type Ebay = Pick<Config['ebay'], 'environment' | 'tokenUrl' | 'apiUrl'>;

/** The whole URL of the token endpoint. */
export function tokenUrl(ebay: Ebay): string {
  return ebay.tokenUrl || EBAY_ORIGIN[ebay.environment as keyof typeof EBAY_ORIGIN] + TOKEN_PATH;
}

/** The origin below which eBay's API paths stand. */
export function apiOrigin(ebay: Ebay): string {
  return ebay.apiUrl
    ? new URL(ebay.apiUrl).origin
    : EBAY_ORIGIN[ebay.environment as keyof typeof EBAY_ORIGIN];
}

/** Settings that are fine alone but not together. */
export function crossChecks(config: Config): ConfigProblem[] {
  const { ebay, worker, token, redis, pace, http } = config;
  const problems: ConfigProblem[] = [];
  const tooShort = (name: string, value: number, than: string, limit: number) => {
    if (value < limit)
      problems.push({ name, message: `is ${value} s, but ${than} may take ${limit} s: raise it` });
  };
  tooShort('WORKER_LOCK_DURATION', worker.lockDuration, 'a call (EBAY_CALL_TIMEOUT)', ebay.callTimeout);
  tooShort('SHUTDOWN_GRACE', worker.shutdownGrace, 'a call (EBAY_CALL_TIMEOUT)', ebay.callTimeout);
  tooShort(
    'TOKEN_LOCK_TIME',
    token.lockTime,
    'a token request (TOKEN_REQUEST_TIMEOUT)',
    token.requestTimeout,
  );
  // An idle worker gets no answer for the time of its blocking read; its connection must not count as dead by then.
  if (redis.socketTimeout <= worker.blockingRead)
    problems.push({
      name: 'REDIS_SOCKET_TIMEOUT',
      message: `is ${redis.socketTimeout} s, but must be longer than WORKER_BLOCKING_READ (${worker.blockingRead} s)`,
    });
  if (pace.backfillShare > pace.scheduledShare)
    problems.push({
      name: 'BACKFILL_SHARE',
      message: `is ${pace.backfillShare}, but must not exceed SCHEDULED_SHARE (${pace.scheduledShare})`,
    });
  problems.push(...readEncryptionKeys(token.encryptionKeys).problems, ...tlsProblems(config));
  if (http.withoutKeys && !isLoopback(http.host))
    problems.push({
      name: 'HTTP_WITHOUT_KEYS',
      message: `is true, but HTTP_HOST ${http.host} is no loopback address: everybody who reaches it could spend eBay calls. Make keys with dpf keys add`,
    });
  for (const [name, url] of [
    ['EBAY_TOKEN_URL', ebay.tokenUrl],
    ['EBAY_API_URL', ebay.apiUrl],
  ] as const)
    if (url !== '' && !ebay.allowHttp && isPlainHttpElsewhere(url))
      problems.push({
        name,
        message: `is ${url}, but plain http would show the credentials on the network: use https, a loopback address, or set EBAY_ALLOW_HTTP=true for a simulator`,
      });
  return problems;
}

function isPlainHttpElsewhere(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname);
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\]|::1)$/.test(host);
}

const PLACEHOLDER = /^(your[-_ ].*|change[-_ ]?me.*|x{3,}|<.*>|todo|example)$/i;

/**
 * Problems of the keyset; only commands that call eBay need one.
 * Production app ids hold `-PRD-` and sandbox ones `-SBX-`; a mix fails at eBay with `invalid_client`.
 */
export function credentialProblems(config: Config): ConfigProblem[] {
  const { clientId, clientSecret, environment, tokenUrl: ownTokenUrl } = config.ebay;
  const problems: ConfigProblem[] = [];
  for (const [name, value] of [
    ['EBAY_CLIENT_ID', clientId],
    ['EBAY_CLIENT_SECRET', clientSecret],
  ] as const) {
    if (value === '')
      problems.push({ name, message: 'is not set: create a keyset at developer.ebay.com and set it' });
    else if (PLACEHOLDER.test(value))
      problems.push({ name, message: 'holds a placeholder: put the keyset’s own value there' });
  }
  const other = environment === 'production' ? 'SBX' : 'PRD';
  if (ownTokenUrl === '' && clientId.includes(`-${other}-`))
    problems.push({
      name: 'EBAY_ENVIRONMENT',
      message: `is ${environment}, but EBAY_CLIENT_ID is a ${other === 'SBX' ? 'sandbox' : 'production'} id`,
    });
  return problems;
}

/** A named key of 256 bits. */
export interface EncryptionKey {
  kid: string;
  secret: Uint8Array;
}

const KEY_BYTES = 32;

/**
 * `TOKEN_ENCRYPTION_KEYS` taken apart: `kid:base64` separated by commas, the first one writes. Problems name the entry by
 * its place and never show it.
 */
export function readEncryptionKeys(text: string): { keys: EncryptionKey[]; problems: ConfigProblem[] } {
  const keys: EncryptionKey[] = [];
  const problems: ConfigProblem[] = [];
  const entries = text === '' ? [] : text.split(',').map((entry) => entry.trim());
  for (const [place, entry] of entries.entries()) {
    const name = `TOKEN_ENCRYPTION_KEYS[${place}]`;
    const [, kid = '', base64 = ''] = /^([\w.-]{1,40}):([A-Za-z0-9+/_-]+={0,2})$/.exec(entry) ?? [];
    const secret = Buffer.from(base64, 'base64');
    if (kid === '')
      problems.push({ name, message: 'must be `kid:base64`, the kid of letters, digits, `.`, `_` and `-`' });
    else if (secret.length !== KEY_BYTES)
      problems.push({
        name,
        message: `holds ${secret.length} bytes, but must hold ${KEY_BYTES}: make one with \`openssl rand -base64 32\``,
      });
    else if (keys.some((key) => key.kid === kid))
      problems.push({ name, message: `repeats the kid ${kid}: give every key its own` });
    else keys.push({ kid, secret });
  }
  return { keys, problems };
}

type Tls = Pick<Config['redis'], 'tlsCa' | 'tlsCert' | 'tlsKey'>;

/** The content of the files that the TLS settings name. */
interface TlsFiles {
  ca?: string;
  cert?: string;
  key?: string;
}

/** @throws Error of the file system, which `tlsProblems` reports at start. */
export function readTlsFiles({ tlsCa, tlsCert, tlsKey }: Tls): TlsFiles {
  return {
    ...(tlsCa === '' ? {} : { ca: readFileSync(tlsCa, 'utf8') }),
    ...(tlsCert === '' ? {} : { cert: readFileSync(tlsCert, 'utf8') }),
    ...(tlsKey === '' ? {} : { key: readFileSync(tlsKey, 'utf8') }),
  };
}

/** Found at start rather than by a connection that never comes up. */
function tlsProblems({ redis, ebay }: Pick<Config, 'redis' | 'ebay'>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (!redis.tlsVerify && ebay.environment === 'production')
    problems.push({
      name: 'REDIS_TLS_VERIFY',
      message: 'is false, but in production Redis’s certificate must be checked: set REDIS_TLS_CA instead',
    });
  if ((redis.tlsCert === '') !== (redis.tlsKey === ''))
    problems.push({ name: 'REDIS_TLS_CERT', message: 'and REDIS_TLS_KEY belong together: set both' });
  for (const [name, path] of [
    ['REDIS_TLS_CA', redis.tlsCa],
    ['REDIS_TLS_CERT', redis.tlsCert],
    ['REDIS_TLS_KEY', redis.tlsKey],
  ] as const) {
    const problem = path === '' ? undefined : fileProblem(path, name === 'REDIS_TLS_KEY');
    if (problem !== undefined) problems.push({ name, message: problem });
  }
  return problems.length > 0 ? problems : pairProblem(redis);
}

function fileProblem(path: string, isKey: boolean): string | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    return `is ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  try {
    if (!isKey) new X509Certificate(content);
    return undefined;
  } catch {
    return `is ${path}, which holds no PEM certificate`;
  }
}

function pairProblem(redis: Tls): ConfigProblem[] {
  try {
    createSecureContext(readTlsFiles(redis));
    return [];
  } catch {
    return [
      { name: 'REDIS_TLS_KEY', message: 'does not hold the PEM key of the certificate in REDIS_TLS_CERT' },
    ];
  }
}
