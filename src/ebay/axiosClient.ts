import http from 'node:http';
import https from 'node:https';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import type { Answer } from './answer.ts';

export interface AxiosClientOptions {
  /** Origin that every path stands below, e.g. `https://api.ebay.com`. */
  origin: string;
  /** Cap on the answer's size after decompression. */
  maxBodyBytes: number;
  userAgent?: string;
}

/** axios as this service uses it: one origin, kept-alive connections, no redirects, no proxy from the environment. */
export function axiosClient({ origin, maxBodyBytes, userAgent }: AxiosClientOptions): AxiosInstance {
  return axios.create({
    baseURL: origin,
    allowAbsoluteUrls: false,
    adapter: 'http',
    httpAgent: new http.Agent({ keepAlive: true }),
    httpsAgent: new https.Agent({ keepAlive: true }),
    maxRedirects: 0,
    maxContentLength: maxBodyBytes,
    proxy: false,
    // Bodies are read by us: axios would parse leniently and pass on what it could not parse.
    responseType: 'text',
    transformResponse: [(data) => data],
    // 502–504 reject, for axios-retry looks at rejections only.
    validateStatus: (status) => status < 502 || status > 504,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': userAgent ?? 'dropship-product-finder',
    },
  });
}

/** Ends the kept-alive connections; what is under way breaks. */
export function closeAxios(client: AxiosInstance): void {
  for (const agent of [client.defaults.httpAgent, client.defaults.httpsAgent] as http.Agent[])
    agent.destroy();
}

export function answerOf(response: AxiosResponse): Answer {
  const header = (name: string) => {
    const value: unknown = response.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    status: response.status,
    contentType: header('content-type') ?? '',
    retryAfter: header('retry-after'),
    text: typeof response.data === 'string' ? response.data : '',
  };
}
