import { lookup as dnsLookup } from 'node:dns';
import { type Agent, request as requestHttp } from 'node:http';
import { type Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import type { Answer, Post } from './channels/answers.ts';
import { DeliveryError } from './channels/sender.ts';

/** Where alerts may be sent, and for how long. */
export interface OutboundSettings {
  /** OUTBOUND_ALLOW: host names, addresses and CIDR ranges that may be private. */
  allow: readonly string[];
  /** Longest time of one request, ms. */
  timeoutMs: number;
  /** Resolves names. Default: the system's resolver. */
  lookup?: typeof dnsLookup;
}

/** Of a request and of the part of an answer that is read, bytes: more than any of these services takes or sends. */
const MOST_SENT = 256 * 1024;
const MOST_READ = 64 * 1024;

/**
 * Sends requests to addresses of the internet alone. A name is resolved once, each of its addresses is checked, and the
 * connection goes to one of these: a second answer of the name server changes nothing. Redirects are not followed.
 * Proxies of the environment are not used. Errors name the host and never the path, which may hold a secret.
 */
export function outbound({ allow, timeoutMs, lookup = dnsLookup }: OutboundSettings): { post: Post } {
  const addresses = allow.filter((entry) => isIP(entry) !== 0 || entry.includes('/'));
  const filter = { allowIPAddressList: addresses, allowMetaIPAddress: false, allowPrivateIPAddress: false };
  const agents = {
    'http:': new RequestFilteringHttpAgent({ ...filter, keepAlive: false }) as Agent,
    'https:': new RequestFilteringHttpsAgent({ ...filter, keepAlive: false }) as HttpsAgent,
  };
  const post: Post = async (address, { headers, body, signal }) => {
    const url = URL.parse(address);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
      throw new DeliveryError('the address is no http or https address', { fault: 'channel' });
    const { host, hostname, protocol } = url;
    if (url.username !== '' || url.password !== '')
      throw new DeliveryError(`the address of ${host} holds a user or a password`, { fault: 'channel' });
    if (Buffer.byteLength(body) > MOST_SENT)
      throw new DeliveryError(`the message has more than ${MOST_SENT / 1024} kB`, { fault: 'message' });
    const bare = hostname.replace(/^\[|\]$/g, '');
    // A name that is listed may lead anywhere. An address is checked by the agent, which knows the ranges.
    const isNamed = isIP(bare) === 0 && allow.includes(bare.toLowerCase().replace(/\.$/, ''));
    const agent = isNamed ? undefined : agents[protocol as keyof typeof agents];
    const send = protocol === 'https:' ? requestHttps : requestHttp;
    const options = {
      method: 'POST',
      headers: {
        'user-agent': 'dropship-product-finder',
        ...headers,
        'content-length': Buffer.byteLength(body),
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      lookup,
      ...(agent === undefined ? {} : { agent }),
    };
    const answer = await new Promise<Answer>((resolve, reject) => {
      const request = send(url, options, (response) => {
        const parts: Buffer[] = [];
        let length = 0;
        const end = () => {
          const text = Buffer.concat(parts).toString('utf8').slice(0, MOST_READ);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        };
        response.on('data', (part: Buffer) => {
          parts.push(part);
          length += part.length;
          if (length < MOST_READ) return;
          end();
          response.destroy();
        });
        response.on('end', end).on('error', reject);
      });
      request.on('error', reject).end(body);
    }).catch((error: Error) => {
      throw new DeliveryError(reasonOf(error, host, signal.aborted), { fault: 'channel' });
    });
    if (answer.status >= 300 && answer.status < 400)
      throw new DeliveryError(`${host} answered ${answer.status}: redirects are not followed`, {
        fault: 'channel',
        status: answer.status,
      });
    return answer;
  };
  return { post };
}

function reasonOf(error: Error & { code?: string }, host: string, isStopped: boolean): string {
  if (error.message.includes('is not allowed'))
    return `${host} is no address of the internet: OUTBOUND_ALLOW does not name it`;
  if (error.name === 'AbortError' || error.name === 'TimeoutError' || error.code === 'ABORT_ERR')
    return isStopped ? `the request to ${host} was ended` : `${host} did not answer in time`;
  return `${host} cannot be reached (${error.code ?? error.name})`;
}
