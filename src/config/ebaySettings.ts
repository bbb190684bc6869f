import { key, SECRET, seconds, secondsOrZero, text } from './key.ts';

/** eBay and the keyset. */
export const ebay = {
  clientId: text('EBAY_CLIENT_ID', '', 'App ID of the eBay keyset', SECRET),
  clientSecret: text('EBAY_CLIENT_SECRET', '', 'Cert ID of the eBay keyset', SECRET),
  environment: key('environment', 'EBAY_ENVIRONMENT', 'sandbox', 'Which eBay the keyset belongs to'),
  scopes: key(
    'scopes',
    'EBAY_SCOPES',
    'https://api.ebay.com/oauth/api_scope',
    'OAuth scopes, separated by spaces; searching needs the base scope only',
  ),
  tokenUrl: key(
    'http url or empty',
    'EBAY_TOKEN_URL',
    '',
    'Token endpoint, the whole URL; empty: eBay’s own for the environment',
  ),
  apiUrl: key(
    'http origin or empty',
    'EBAY_API_URL',
    '',
    'Origin of the API, eBay’s own paths below it; empty: eBay’s own for the environment',
  ),
  allowHttp: key(
    'flag',
    'EBAY_ALLOW_HTTP',
    false,
    'Allow plain http to another host than loopback, for a simulator in another container',
  ),
  marketplace: key('marketplace', 'EBAY_MARKETPLACE', 'EBAY_US', 'Marketplace of a search that names none'),
  connectTimeout: seconds('EBAY_CONNECT_TIMEOUT', 3, 'Longest wait for a connection to eBay'),
  callTimeout: seconds(
    'EBAY_CALL_TIMEOUT',
    10,
    'Longest duration of one call, from its first byte out to its last byte in',
  ),
  maxBodyBytes: key(
    'bytes',
    'EBAY_MAX_BODY_BYTES',
    20_000_000,
    'Largest answer read, counted after decompression; a page of 200 items has about 0.5 MB',
  ),
  quickRetryDelay: secondsOrZero(
    'EBAY_QUICK_RETRY_DELAY',
    0.3,
    'Wait before the first quick retry of a reset connection or a single 502–504; doubled for the second',
  ),
};
