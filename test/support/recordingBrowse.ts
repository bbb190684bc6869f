import { BrowseClient } from '../../src/ebay/client.ts';
import type { EbayHttp, EbayRequest } from '../../src/ebay/http.ts';

export interface Sent extends EbayRequest {
  method: 'get' | 'post';
}

/** The service's own Browse client, which keeps what it would send. Each answer is an empty object. */
export function recordingBrowse(): { browse: BrowseClient; sent: Sent[] } {
  const sent: Sent[] = [];
  const record = (method: Sent['method']) => async (request: EbayRequest) => {
    sent.push({ ...request, method });
    return { body: {}, latencyMs: 0, attempts: 1 };
  };
  const http: Pick<EbayHttp, 'get' | 'post'> = { get: record('get'), post: record('post') };
  return { browse: new BrowseClient(http as EbayHttp), sent };
}
