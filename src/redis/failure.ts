import { Failure } from '../failures.ts';

/** How ioredis and Redis say that Redis, not the command, is the trouble. */
const TROUBLE =
  /Connection is closed|Command timed out|Socket timeout|max retries per request|Stream isn't writeable|enableOfflineQueue|ECONN[A-Z]+|ETIMEDOUT|EPIPE|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|READONLY|MISCONF|LOADING|OOM command|MASTERDOWN|CLUSTERDOWN|Failed to refresh slots cache|None of startup nodes|Cluster isn't ready|All sentinels are unreachable|NOAUTH|WRONGPASS|NOPERM/;

/** The failure that an error of a Redis command is, or undefined where Redis is not to blame. */
export function redisFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error.code === 'redis-unavailable' ? error : undefined;
  const { message = '', code = '' } = (error ?? {}) as { message?: string; code?: string };
  const cause = TROUBLE.exec(code)?.[0] ?? TROUBLE.exec(message)?.[0];
  return cause === undefined
    ? undefined
    : new Failure('redis-unavailable', `Redis does not serve (${cause})`);
}
