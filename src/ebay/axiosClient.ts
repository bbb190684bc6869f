import http from 'node:http';
import https from 'node:https';
import { gunzipSync } from 'node:zlib';
import axios, {
  AxiosError,
  type AxiosInstance,
  type AxiosResponse,
  type AxiosResponseHeaders,
  type InternalAxiosRequestConfig,
} from 'axios';
import type { Answer } from './answer.ts';

export interface AxiosClientOptions {
  /** Origin that every path stands below, e.g. `https://api.ebay.com`. */
  origin: string;
  /** Cap on the answer's size after decompression. */
  maxBodyBytes: number;
  userAgent?: string;
}

/** A page of 200 listings unpacks to some 300 KB. */
const PIECE_BYTES = 131_072;

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
    // Bodies are read by us: axios would parse leniently and pass on what it could not parse, and unpack a page in eighteen
    // pieces on another thread, which takes longer than doing it.
    responseType: 'arraybuffer',
    decompress: false,
    transformResponse: [
      function (
        this: InternalAxiosRequestConfig,
        body: unknown,
        headers: AxiosResponseHeaders,
        status?: number,
      ) {
        if (!Buffer.isBuffer(body)) return '';
        try {
          return textOf(body, headers, maxBodyBytes);
        } catch (error) {
          // A refusal says enough by its status.
          if (status !== 200) return '';
          throw new AxiosError((error as Error).message, AxiosError.ERR_BAD_RESPONSE, this);
        }
      },
    ],
    // 502–504 reject, for axios-retry looks at rejections only.
    validateStatus: (status) => status < 502 || status > 504,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'user-agent': userAgent ?? 'dropship-product-finder',
    },
  });
}

/** @throws Error when the body is not what its encoding says, or too large */
function textOf(body: Buffer, headers: AxiosResponseHeaders, maxOutputLength: number): string {
  const encoding = String(headers.get('content-encoding') ?? 'identity');
  if (encoding === 'identity' || body.length === 0) return body.toString('utf8');
  if (!/^(x-)?gzip$/i.test(encoding)) throw new Error('an encoding that was not asked for');
  return gunzipSync(body, { maxOutputLength, chunkSize: PIECE_BYTES }).toString('utf8');
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
