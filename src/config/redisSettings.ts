import { key, SECRET, seconds, text } from './key.ts';

/** Where Redis is, whom it trusts, and how long it may take. */
export const redis = {
  url: key(
    'redis url',
    'REDIS_URL',
    'redis://localhost:6379/0',
    'Redis 7 or Valkey that holds the queues, the token and the results',
    SECRET,
  ),
  tlsCa: text(
    'REDIS_TLS_CA',
    '',
    'PEM file of the authority that signed Redis’s certificate; empty: the ones that Node trusts',
  ),
  tlsServerName: text(
    'REDIS_TLS_SERVER_NAME',
    '',
    'Name that Redis’s certificate must hold; empty: the host in REDIS_URL',
  ),
  tlsCert: text(
    'REDIS_TLS_CERT',
    '',
    'PEM file of this client’s certificate, where Redis asks for one; with REDIS_TLS_KEY',
  ),
  tlsKey: text('REDIS_TLS_KEY', '', 'PEM file of the key of REDIS_TLS_CERT'),
  tlsVerify: key(
    'flag',
    'REDIS_TLS_VERIFY',
    true,
    'Check Redis’s certificate; `false` is refused with EBAY_ENVIRONMENT=production',
  ),
  sentinelUsername: text(
    'REDIS_SENTINEL_USERNAME',
    '',
    'User of the Sentinels themselves, where they ask for one',
  ),
  sentinelPassword: text('REDIS_SENTINEL_PASSWORD', '', 'Password of the Sentinels themselves', SECRET),
  connectTimeout: seconds('REDIS_CONNECT_TIMEOUT', 3, 'Longest wait for a connection to Redis'),
  commandTimeout: seconds(
    'REDIS_COMMAND_TIMEOUT',
    1.5,
    'Longest wait for an answer of Redis on a caller’s way; a producer refuses after it',
  ),
  socketTimeout: seconds(
    'REDIS_SOCKET_TIMEOUT',
    15,
    'A worker’s connection without any traffic for this long counts as dead and is made anew',
  ),
};
