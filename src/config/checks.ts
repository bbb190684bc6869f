import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Config, ConfigProblem } from './config.ts';
import { NOT_UTF8, readText } from './files.ts';
import { keysetMistakes, mistakeIn } from './written.ts';

const TOKEN_PATH = '/identity/v1/oauth2/token';

type Ebay = Pick<Config['ebay'], 'environment' | 'tokenUrl' | 'apiUrl'>;

function ebayOrigin({ environment }: Ebay): string {
  return environment === 'production' ? 'https://api.ebay.com' : 'https://api.sandbox.ebay.com';
}

/** The whole URL of the token endpoint. */
export function tokenUrl(ebay: Ebay): string {
  return ebay.tokenUrl || ebayOrigin(ebay) + TOKEN_PATH;
}

/** The origin below which eBay's API paths stand. */
export function apiOrigin(ebay: Ebay): string {
  return ebay.apiUrl ? new URL(ebay.apiUrl).origin : ebayOrigin(ebay);
}

/**
 * The host names that a simulated eBay lends to links and pictures: its own, and loopback ones, by which a browser may see
 * it. None unless EBAY_API_URL is on loopback, or plain http that EBAY_ALLOW_HTTP allows.
 */
export function simulatorHosts({
  apiUrl,
  allowHttp,
}: Pick<Config['ebay'], 'apiUrl' | 'allowHttp'>): string[] {
  if (apiUrl === '') return [];
  const { hostname, protocol } = new URL(apiUrl);
  const isSimulator = isLoopback(hostname) || (allowHttp && protocol === 'http:');
  return isSimulator ? [hostname, 'localhost', '127.0.0.1', '[::1]'] : [];
}

/** Of the call for several items, which eBay grants to few keysets. */
const BULK_SCOPE = 'https://api.ebay.com/oauth/api_scope/buy.item.bulk';

type Rule = [isBroken: boolean, name: string, message: string];

function broken(...rules: Rule[]): ConfigProblem[] {
  return rules.flatMap(([isBroken, name, message]) => (isBroken ? [{ name, message }] : []));
}

/** Settings that are fine alone but not together. */
export function crossChecks(config: Config): ConfigProblem[] {
  const { ebay, worker, token, redis, pace, http, smtp } = config;
  const longEnough = (name: string, value: number, timeout: string, limit: number): Rule => [
    value < limit,
    name,
    `is ${value} s, but ${timeout} is ${limit} s: raise it`,
  ];
  const https = (name: string, url: string): Rule => [
    /^http:/i.test(url) && !ebay.allowHttp && !isLoopback(new URL(url).hostname),
    name,
    `is ${url}, but plain http would show the credentials on the network: use https, a loopback address, or set EBAY_ALLOW_HTTP=true for a simulator`,
  ];
  return [
    ...broken(
      longEnough('WORKER_LOCK_DURATION', worker.lockDuration, 'EBAY_CALL_TIMEOUT', ebay.callTimeout),
      longEnough('SHUTDOWN_GRACE', worker.shutdownGrace, 'EBAY_CALL_TIMEOUT', ebay.callTimeout),
      longEnough('TOKEN_LOCK_TIME', token.lockTime, 'TOKEN_REQUEST_TIMEOUT', token.requestTimeout),
      // An idle worker gets no answer for the time of its blocking read; its connection must not count as dead by then.
      [
        redis.socketTimeout <= worker.blockingRead,
        'REDIS_SOCKET_TIMEOUT',
        `is ${redis.socketTimeout} s, but must be longer than WORKER_BLOCKING_READ (${worker.blockingRead} s)`,
      ],
      [
        pace.backfillShare > pace.scheduledShare,
        'BACKFILL_SHARE',
        `is ${pace.backfillShare}, but must not exceed SCHEDULED_SHARE (${pace.scheduledShare})`,
      ],
      [
        http.withoutKeys && !isLoopback(http.host),
        'HTTP_WITHOUT_KEYS',
        `is true, but HTTP_HOST ${http.host} is no loopback address: everybody who reaches it could spend eBay calls. Make keys with dpf keys add`,
      ],
      [
        ebay.bulkItems && !ebay.scopes.split(/\s+/).includes(BULK_SCOPE),
        'EBAY_BULK_ITEMS',
        `is true, but EBAY_SCOPES lacks ${BULK_SCOPE}: add it if eBay has granted it to the keyset, or leave this setting out`,
      ],
      [
        smtp.url !== '' && smtp.from === '',
        'SMTP_FROM',
        'is not set, but SMTP_URL is: name the address that e-mail comes from',
      ],
      https('EBAY_TOKEN_URL', ebay.tokenUrl),
      https('EBAY_API_URL', ebay.apiUrl),
    ),
    ...readEncryptionKeys(token.encryptionKeys).problems,
    ...tlsProblems(config),
  ];
}

/** @param host of a URL */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\]|::1)$/.test(host);
}

const PLACEHOLDER = /^(your[-_ ].*|change[-_ ]?me.*|x{3,}|<.*>|todo|example)$/i;

/**
 * Problems of the keyset; only commands that call eBay need one.
 * Production app ids hold `-PRD-` and sandbox ones `-SBX-`; a mix fails at eBay with `invalid_client`.
 */
export function credentialProblems(config: Config): ConfigProblem[] {
  const { clientId, clientSecret } = config.ebay;
  const present = (name: string, value: string): ConfigProblem[] => {
    if (value === '')
      return [{ name, message: 'is not set: create a keyset at developer.ebay.com and set it' }];
    const message = PLACEHOLDER.test(value)
      ? 'holds a placeholder: put the keyset’s own value there'
      : mistakeIn(value, { keyset: true });
    return message === undefined ? [] : [{ name, message }];
  };
  const problems = [...present('EBAY_CLIENT_ID', clientId), ...present('EBAY_CLIENT_SECRET', clientSecret)];
  return problems.length > 0 ? problems : keysetMistakes(config.ebay);
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

/**
 * The content of the files that the TLS settings name.
 * @throws Error of the file system, which `tlsProblems` reports at start.
 */
export function readTlsFiles({ tlsCa, tlsCert, tlsKey }: Tls) {
  const read = (path: string) => (path === '' ? undefined : readText(path));
  return { ca: read(tlsCa), cert: read(tlsCert), key: read(tlsKey) };
}

/** Found at start rather than by a connection that never comes up. */
function tlsProblems({ redis, ebay }: Pick<Config, 'redis' | 'ebay'>): ConfigProblem[] {
  const file = (name: string, path: string): Rule => {
    const problem = path === '' ? undefined : fileProblem(path, name === 'REDIS_TLS_KEY');
    return [problem !== undefined, name, `is ${path}, which ${problem}`];
  };
  const problems = broken(
    [
      !redis.tlsVerify && ebay.environment === 'production',
      'REDIS_TLS_VERIFY',
      'is false, but in production Redis’s certificate must be checked: set REDIS_TLS_CA instead',
    ],
    [
      (redis.tlsCert === '') !== (redis.tlsKey === ''),
      'REDIS_TLS_CERT',
      'and REDIS_TLS_KEY belong together: set both',
    ],
    file('REDIS_TLS_CA', redis.tlsCa),
    file('REDIS_TLS_CERT', redis.tlsCert),
    file('REDIS_TLS_KEY', redis.tlsKey),
  );
  // Without files there is nothing to try, and a context takes milliseconds of each start.
  if (problems.length > 0 || redis.tlsCa + redis.tlsCert + redis.tlsKey === '') return problems;
  try {
    createSecureContext(readTlsFiles(redis));
    return [];
  } catch {
    return [
      { name: 'REDIS_TLS_KEY', message: 'does not hold the PEM key of the certificate in REDIS_TLS_CERT' },
    ];
  }
}

function fileProblem(path: string, isKey: boolean): string | undefined {
  try {
    const content = readText(path);
    if (content === undefined) return NOT_UTF8;
    if (!isKey) new X509Certificate(content);
    return undefined;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    return syscall === undefined ? 'holds no PEM certificate' : `cannot be read (${code})`;
  }
}
