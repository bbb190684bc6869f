import { count, SECRET, seconds, secondsOrZero, text } from './key.ts';

/** The fleet's token, and how one is asked for. */
export const token = {
  cacheTime: seconds(
    'TOKEN_CACHE_TIME',
    3300,
    'Longest life of the token in Redis; shorter where the token itself ends earlier',
  ),
  expiryBuffer: seconds('TOKEN_EXPIRY_BUFFER', 300, 'A token is not used in the last part of its life'),
  refreshAhead: seconds(
    'TOKEN_REFRESH_AHEAD',
    60,
    'In this last part of the cached time one process fetches the next token in the background',
  ),
  requestTimeout: seconds('TOKEN_REQUEST_TIMEOUT', 10, 'Longest duration of a token request'),
  lockTime: seconds(
    'TOKEN_LOCK_TIME',
    15,
    'Life of the fleet’s lock on minting; longer than a token request may take',
  ),
  readTimeout: seconds('TOKEN_READ_TIMEOUT', 0.1, 'Longest wait for Redis before the token in memory serves'),
  requestInterval: secondsOrZero('TOKEN_REQUEST_INTERVAL', 1, 'Least time between two token requests'),
  dailyMintLimit: count(
    'DAILY_MINT_LIMIT',
    200,
    'Token requests a day before minting stops with an alarm; eBay’s own limit is 1,000',
  ),
  failurePause: seconds(
    'TOKEN_FAILURE_PAUSE',
    2,
    'First pause after the token endpoint failed; doubled for each failure that follows',
  ),
  maxFailurePause: seconds('MAX_TOKEN_FAILURE_PAUSE', 300, 'Longest pause after the token endpoint failed'),
  refusedPause: seconds(
    'CREDENTIAL_REFUSED_PAUSE',
    1800,
    'Pause after eBay refused the credential itself (invalid_client, or three new tokens in a row)',
  ),
  encryptionKeys: text(
    'TOKEN_ENCRYPTION_KEYS',
    '',
    'Keys for the cached token, `kid:base64` separated by commas, the first one writes; empty: plain JSON',
    SECRET,
  ),
};
