import { Failure } from '../failures.ts';

/** Messages and codes of ioredis and Redis that mean: Redis is the trouble, not the command. */
const TROUBLE =
  /Connection is closed|Command timed out|Socket timeout|max retries per request|Stream isn't writeable|enableOfflineQueue|ECONN[A-Z]+|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|READONLY|MISCONF|NOREPLICAS|LOADING|^BUSY |^WRONGTYPE|UNBLOCKED|OOM command|MASTERDOWN|CLUSTERDOWN|max number of clients|Failed to refresh slots cache|None of startup nodes|Cluster isn't ready|All sentinels are unreachable|NOAUTH|WRONGPASS|NOPERM/;

/** The error of a Redis command as a failure; undefined where Redis is not to blame. */
export function redisFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error.code === 'redis-unavailable' ? error : undefined;
  const { message = '', code = '', previousErrors = [] } = (error ?? {}) as Partial<ReplyError>;
  // A transaction says only that it was discarded; what its commands were refused for stands beside.
  if (message.startsWith('EXECABORT')) return redisFailure(previousErrors[0]);
  const cause = (TROUBLE.exec(code)?.[0] ?? TROUBLE.exec(message)?.[0])?.trim();
  if (cause === undefined) return undefined;
  const remedy = REFUSED_WRITES[cause];
  const what = `Redis does not serve (${cause})`;
  return remedy === undefined
    ? new Failure('redis-unavailable', what)
    : new Failure('redis-unavailable', `${what}: ${remedy}`, { remedy });
}

interface ReplyError extends NodeJS.ErrnoException {
  previousErrors: Error[];
}

/** Redis answers and does not take this write: by cause what to do. */
const REFUSED_WRITES: Readonly<Record<string, string>> = {
  'OOM command': 'its memory is full, so it refuses writes: raise maxmemory, or shorten RESULTS_TTL',
  MISCONF: 'it cannot write to its disk, so it refuses writes: make room there',
  READONLY: 'it is a replica, which takes no writes: write the master’s address in REDIS_URL',
  WRONGTYPE:
    'another program has written to one of this service’s keys: running workers put aside what is in a queue; delete any other',
  NOREPLICAS: 'too few of its replicas are connected (min-replicas-to-write), so it refuses writes',
};

/** Why there is no connection, and which setting repairs it, where one does. Neither holds a secret. */
export interface Trouble {
  cause: string;
  remedy?: string;
}

const CLIENT_CERTIFICATE = 'it asks for a client certificate: set REDIS_TLS_CERT and REDIS_TLS_KEY';
const PLAIN_PORT = 'if that is a plain port, write redis:// in REDIS_URL, or the TLS port';

/** By the error's code, or by the beginning of its message where it has none. */
const REMEDIES: Array<[pattern: RegExp, remedy: string]> = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|CERT_UNTRUSTED)$/,
    'its certificate is of an authority that is not trusted here: name the authority’s file in REDIS_TLS_CA',
  ],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired: renew it'],
  [/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/, `it gave no TLS answer: ${PLAIN_PORT}`],
  [/^ERR_SSL_\w+_ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)$/, CLIENT_CERTIFICATE],
  [/^(ENOTFOUND|EAI_AGAIN)$/, 'its name is not known here: correct the host in REDIS_URL'],
  [/^WRONGPASS/, 'user or password are not right: correct them in REDIS_URL, percent-encoded'],
  [/^NOAUTH/, 'it asks for a password: write redis://USER:PASSWORD@… in REDIS_URL'],
  [/^NOPERM/, 'its user lacks a right: see config/redis/users.acl'],
];

/** @param tls whether the connection was meant to be encrypted */
export function troubleOf(error: Error & { lastNodeError?: Error }, tls: boolean): Trouble {
  if (error.lastNodeError) return troubleOf(error.lastNodeError, tls);
  const { code, cert } = error as NodeJS.ErrnoException & { cert?: { subjectaltname?: string } };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return { cause: code, remedy: otherName(cert?.subjectaltname) };
  if (error.message.startsWith('All sentinels')) return sentinelTrouble(error.message);
  const cause = code ?? error.message.slice(0, 120);
  const remedy = REMEDIES.find(([pattern]) => pattern.test(cause))?.[1] ?? hungUp(error, tls);
  return remedy === undefined ? { cause } : { cause, remedy };
}

/** Where Redis sent nothing at all. */
export function noAnswer(tls: boolean): Trouble {
  return tls ? { cause: 'no answer', remedy: PLAIN_PORT } : { cause: 'no answer' };
}

function otherName(names = 'another name'): string {
  return `its certificate is for ${names}: write that name in REDIS_URL, or in REDIS_TLS_SERVER_NAME`;
}

function sentinelTrouble(message: string): Trouble {
  const last = /Last error: (.*)/.exec(message)?.[1];
  return last === undefined
    ? { cause: 'unknown master', remedy: 'its Sentinels know no such master: correct master= in REDIS_URL' }
    : { cause: `no Sentinel answers: ${last}`.slice(0, 120) };
}

/** A server that gets the wrong protocol sends no error: it closes the connection, or waits for more. */
function hungUp({ message }: Error, tls: boolean): string | undefined {
  if (tls && /ETIMEDOUT|before secure TLS connection/.test(message))
    return `it gave no TLS answer: ${PLAIN_PORT}`;
  if (!/ECONNRESET|EPIPE|Connection is closed/.test(message)) return undefined;
  return tls
    ? `it hung up: ${PLAIN_PORT}; if it asks for a client certificate, set REDIS_TLS_CERT and REDIS_TLS_KEY`
    : 'it hung up without an answer: if that is a TLS port, write rediss:// in REDIS_URL';
}
