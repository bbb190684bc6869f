import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction, type TcpNetConnectOpts } from 'node:net';
import type { Answer, Post } from './channels/answers.ts';
import { DeliveryError } from './channels/sender.ts';
import { hostName, isAllowedHost, isPublic } from './outboundRules.ts';

/** Where alerts may be sent, and for how long. */
export interface OutboundSettings {
  /** OUTBOUND_ALLOW: host names, addresses and CIDR ranges that may be private; see `allowedHosts`. */
  allow: readonly string[];
  /** ALERT_TIMEOUT: longest time of one request, from the question for its name to the end of the answer, ms. */
  timeoutMs: number;
  /** OUTBOUND_CONNECT_TIMEOUT: longest wait for a connection: name, addresses and TLS, ms. Default: `timeoutMs`. */
  connectTimeoutMs?: number;
  /** Resolves names; is asked once a request. Default: the system's resolver. */
  lookup?: typeof systemLookup;
}

/** Of a request and of the part of an answer that is read, bytes: more than any of these services takes or sends. */
const MOST_SENT = 256 * 1024;
const MOST_READ = 64 * 1024;

/**
 * Sends requests to addresses of the internet, and to those that OUTBOUND_ALLOW names. A name is resolved once, each of its
 * addresses is checked, and the connection goes to one of these: a second answer of the name server changes nothing.
 * Redirects are not followed: they are failures. Proxies of the environment are not used. Each request has a connection of its own.
 * Errors name the host and never the path, which may hold a secret.
 */
export function outbound({
  allow,
  timeoutMs,
  connectTimeoutMs = timeoutMs,
  lookup = systemLookup,
}: OutboundSettings): Post {
  /** The addresses of a host that may be connected to. */
  async function checkedAddresses(host: string): Promise<LookupAddress[]> {
    const name = hostName(host);
    const family = isIP(name);
    const addresses = family === 0 ? await allAddresses(host, lookup) : [{ address: name, family }];
    if (addresses.length === 0) throw new Refusal('has no address');
    const isNamed = family === 0 && allow.includes(name);
    if (!isNamed && !addresses.every(({ address }) => isPublic(address) || isAllowedHost(allow, address)))
      throw new Refusal(
        'leads to an address that is not of the internet, and OUTBOUND_ALLOW does not name it',
      );
    return addresses;
  }

  async function answerOf(
    url: URL,
    { headers, body }: Pick<Parameters<Post>[1], 'headers' | 'body'>,
    signal: AbortSignal,
    connected: () => void,
  ): Promise<Answer> {
    const addresses = await Promise.race([checkedAddresses(url.hostname), rejection(signal)]);
    const isSecure = url.protocol === 'https:';
    const options: RequestOptions & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
      method: 'POST',
      headers: {
        'user-agent': 'dropship-product-finder',
        ...headers,
        'content-length': Buffer.byteLength(body),
      },
      signal,
      agent: false,
      lookup: pinned(addresses),
      // Node's own default of 250 ms is less than a connection to another continent may take.
      autoSelectFamilyAttemptTimeout: Math.max(250, Math.ceil(connectTimeoutMs / 2)),
    };
    const request = (isSecure ? requestHttps : requestHttp)(url, options);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        request.on('error', reject);
        request.on('socket', (socket) => socket.once(isSecure ? 'secureConnect' : 'connect', connected));
        request.on('response', (response) => {
          const parts: Buffer[] = [];
          let length = 0;
          // An answer counts from its status on. What ends its body early changes nothing about what the receiver did.
          const end = () => {
            const text = Buffer.concat(parts).subarray(0, MOST_READ).toString('utf8');
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
          };
          response.on('data', (part: Buffer) => {
            parts.push(part);
            length += part.length;
            if (length >= MOST_READ) end();
          });
          request.off('error', reject).on('error', end);
          response.on('end', end).on('error', end).on('close', end);
        });
        request.end(body);
      });
    } finally {
      request.destroy();
    }
  }

  return async (address, request) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol))
      throw new DeliveryError('the address is no http or https address', { fault: 'channel' });
    const { host } = url;
    if (url.username !== '' || url.password !== '')
      throw new DeliveryError(`the address of ${host} holds a user or a password`, { fault: 'channel' });
    if (Buffer.byteLength(request.body) > MOST_SENT)
      throw new DeliveryError(`the message has more than ${MOST_SENT / 1024} kB`, { fault: 'message' });
    const stopping = new AbortController();
    const stop = (reason: string) => stopping.abort(new Refusal(reason));
    const ended = () => stop('was not asked to the end: the request was ended');
    const timers = [
      setTimeout(stop, connectTimeoutMs, 'did not accept a connection in time'),
      setTimeout(stop, timeoutMs, 'did not answer in time'),
    ] as const;
    request.signal.addEventListener('abort', ended, { once: true });
    if (request.signal.aborted) ended();
    try {
      const answer = await answerOf(url, request, stopping.signal, () => clearTimeout(timers[0]));
      const { status } = answer;
      if (status >= 300 && status < 400)
        throw new DeliveryError(`${host} answered ${status}: redirects are not followed`, {
          fault: 'channel',
          status,
        });
      return answer;
    } catch (error) {
      if (error instanceof DeliveryError) throw error;
      const reason = reasonOf(stopping.signal.aborted ? stopping.signal.reason : error);
      throw new DeliveryError(`${host} ${reason}`, { fault: 'channel' });
    } finally {
      for (const timer of timers) clearTimeout(timer);
      request.signal.removeEventListener('abort', ended);
    }
  };
}

/** Why a host was not asked, or did not answer; follows its name. */
class Refusal extends Error {}

function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const { name, code } = error as NodeJS.ErrnoException;
  return `cannot be reached (${code ?? name})`;
}

function allAddresses(host: string, lookup: typeof systemLookup): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A resolver that knows one answer. */
function pinned(addresses: LookupAddress[]): LookupFunction {
  return (_host, options, done) => {
    const [first] = addresses;
    if (options.all) done(null, addresses);
    else done(null, first?.address ?? '', first?.family);
  };
}
