import { Cluster, type Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { Logger } from '../telemetry/logger.ts';
import { clusterOptions, type Profile, redisOptions, redisPlace } from './connectionOptions.ts';
import { BatchingRedis, keepErrorListeners } from './ioredisFixes.ts';

keepErrorListeners();

/**
 * A connection that comes up by itself, to whichever kind of Redis `REDIS_URL` names. Its errors go to the log, at most
 * one line a second.
 */
export function openRedis(config: Config['redis'], profile: Profile, log: Logger): Redis {
  const redis =
    redisPlace(config.url).kind === 'cluster'
      ? openCluster(config, profile)
      : new BatchingRedis(redisOptions(config, profile));
  redis.on('error', errorLine(log, config.url));
  return redis;
}

/** A Cluster has a Redis's commands, states and events; whatever differs between them is asked by `nodesOf`. */
function openCluster(config: Config['redis'], profile: Profile): Redis {
  const cluster = new Cluster(...clusterOptions(config, profile));
  // Why no node can be reached stands in an event of its own.
  cluster.on('node error', (error: Error) => cluster.emit('error', error));
  return cluster as unknown as Redis;
}

/** The servers behind a connection: of a Cluster every master, else the one. */
export function nodesOf(redis: Redis): Redis[] {
  const either: unknown = redis;
  return either instanceof Cluster ? either.nodes('master') : [redis];
}

/** A handler for `error` events that come by the thousand while Redis is away. */
export function errorLine(log: Logger, url: string): (error: Error) => void {
  const { tls } = redisPlace(url);
  let quietUntil = 0;
  let suppressed = 0;
  return (error) => {
    if (Date.now() < quietUntil) {
      suppressed += 1;
      return;
    }
    log.error('Redis connection failed', {
      redis: redisAddress(url),
      ...troubleOf(error, tls),
      suppressed,
    });
    quietUntil = Date.now() + 1000;
    suppressed = 0;
  };
}

/** Resolves once Redis answers; for commands that end.
 * @throws Failure `redis-unavailable` after `deadlineMs`, naming host, cause and remedy, never the password. */
export async function waitForRedis(
  redis: Redis,
  url: string,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { tls } = redisPlace(url);
  let trouble = noAnswer(tls);
  const remember = (error: Error) => {
    trouble = troubleOf(error, tls);
  };
  redis.on('error', remember);
  const giveUpAt = Date.now() + deadlineMs;
  try {
    while (Date.now() < giveUpAt && !signal?.aborted) {
      try {
        await redis.ping();
        return;
      } catch (error) {
        if (redis.status === 'ready') remember(error as Error);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  } finally {
    redis.off('error', remember);
  }
  const { cause, remedy } = trouble;
  const message = `cannot reach Redis at ${redisAddress(url)} (${cause})`;
  throw remedy === undefined
    ? new Failure('redis-unavailable', message)
    : new Failure('redis-unavailable', `${message}: ${remedy}`, { remedy });
}

/** `host:port` of a Redis URL, all of them where it names several: what may be shown of it. */
export function redisAddress(url: string): string {
  const { nodes, master } = redisPlace(url);
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  return master === undefined ? hosts : `${hosts} (Sentinels of ${master})`;
}

/** Why a connection cannot be had; `remedy` says which setting mends it, where one does. Neither holds a secret. */
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

/** Where nothing at all has come back. */
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

/** A server that is spoken to in the wrong way says nothing: it hangs up, or waits for more. */
function hungUp({ message }: Error, tls: boolean): string | undefined {
  if (tls && /ETIMEDOUT|before secure TLS connection/.test(message))
    return `it gave no TLS answer: ${PLAIN_PORT}`;
  if (!/ECONNRESET|EPIPE|Connection is closed/.test(message)) return undefined;
  return tls
    ? `it hung up: ${PLAIN_PORT}; if it asks for a client certificate, set REDIS_TLS_CERT and REDIS_TLS_KEY`
    : 'it hung up without an answer: if that is a TLS port, write rediss:// in REDIS_URL';
}
