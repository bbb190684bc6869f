import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, json } from './answers.ts';

/** An account that a notice says was deleted. */
export interface DeletedAccount {
  readonly username: string;
  readonly userId?: string;
  readonly eiasToken?: string;
}

export interface NoticeRequest extends DeletedAccount {
  /** Where it is sent; default: the address that is subscribed. */
  readonly url?: string;
  readonly topic?: string;
  /** Another id for each notice unless it is given. */
  readonly notificationId?: string;
  /** ISO 8601; default: now. */
  readonly eventDate?: string;
  /** `false`: signed by somebody else. */
  readonly genuine?: boolean;
}

/** A notice and how its deliveries went. */
export interface SentNotice {
  readonly notificationId: string;
  /** Statuses in order; null: no answer in time. */
  readonly statuses: Array<number | null>;
  /** It was acknowledged, or given up. */
  done: boolean;
}

export interface Subscription {
  readonly url: string;
  /** Why eBay does not take the address; null: it does. */
  problem: string | null;
}

/** eBay takes these as an acknowledgement. */
const ACKNOWLEDGED = [200, 201, 202, 204];
/** Longer counts as no answer, ms. */
const ANSWER_MS = 3000;
const MOST_TRIES = 10;
const TOKEN = /^[\w-]{32,80}$/;
const CLOSE = '-----END PUBLIC KEY-----';
const OPEN = '-----BEGIN PUBLIC KEY-----';

type Key = { key: string; algorithm: string; digest: string };

/** Notices of deleted accounts: signed with keys of this simulator, and sent again until they are acknowledged. */
export class Notices {
  /** Wait before a notice is sent again, ms; doubled with each try. */
  retryMs = 200;
  /** Where requests go in the place of the address that is subscribed: what its public name leads to. */
  via: string | null = null;
  readonly sent: SentNotice[] = [];
  subscription: Subscription | null = null;
  readonly #closing: AbortSignal;
  readonly #keys = new Map<string, Key>();
  readonly #own = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  readonly #others = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  #kid = '';

  constructor(closing: AbortSignal) {
    this.#closing = closing;
    this.renameKey();
  }

  /** The key has another id from now on; the former one is still answered. */
  renameKey(): string {
    this.#kid = randomUUID();
    const der = this.#own.publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
    this.addKey(this.#kid, { key: `${OPEN}${der}${CLOSE}`, algorithm: 'ECDSA', digest: 'SHA1' });
    return this.#kid;
  }

  /** Another key that is answered. */
  addKey(id: string, key: Key): void {
    this.#keys.set(id, key);
  }

  /** GET /commerce/notification/v1/public_key/{id} */
  publicKey(id: string): Answer {
    const key = this.#keys.get(id);
    if (key !== undefined) return json(200, key);
    const error = { errorId: 195_020, domain: 'API_NOTIFICATION', category: 'REQUEST' };
    return json(404, { errors: [{ ...error, message: 'No public key has this id.' }] });
  }

  /** Challenges an address, as eBay does when it is entered, and keeps it where the response is right. */
  async subscribe(url: string, token: string): Promise<Subscription> {
    const problem = await this.#challenge(url, token).catch(() => 'the response is no JSON');
    this.subscription = { url, problem };
    return this.subscription;
  }

  async #challenge(url: string, token: string): Promise<string | null> {
    if (!TOKEN.test(token)) return 'the token has to have 32 to 80 letters, digits, underscores and hyphens';
    const code = randomBytes(16).toString('hex');
    const answer = await this.#call('GET', `${this.via ?? url}?challenge_code=${code}`).catch(() => null);
    if (answer === null) return 'no answer';
    if (answer.status !== 200) return `answered ${answer.status}`;
    if (!answer.contentType.startsWith('application/json')) return 'the response is no application/json';
    const expected = createHash('sha256').update(code).update(token).update(url).digest('hex');
    const isRight =
      (JSON.parse(answer.body) as { challengeResponse?: unknown }).challengeResponse === expected;
    return isRight ? null : 'the challenge response is wrong';
  }

  /** Sends a notice, and again until it is acknowledged. It goes on in the background. */
  send({
    url = this.via ?? this.subscription?.url,
    topic,
    genuine = true,
    ...notice
  }: NoticeRequest): SentNotice {
    if (url === undefined) throw new Error('no address is subscribed: name a url');
    const { username, userId = randomBytes(8).toString('base64url'), eventDate } = notice;
    const { eiasToken = randomBytes(40).toString('base64') } = notice;
    const { notificationId = `${randomUUID()}_${randomUUID()}` } = notice;
    const at = new Date().toISOString();
    const bodyOf = (tries: number) =>
      JSON.stringify({
        metadata: { topic: topic ?? 'MARKETPLACE_ACCOUNT_DELETION', schemaVersion: '1.0', deprecated: false },
        notification: {
          ...{ notificationId, eventDate: eventDate ?? at, publishDate: new Date().toISOString() },
          publishAttemptCount: tries,
          data: { username, userId, eiasToken },
        },
      });
    const sent: SentNotice = { notificationId, statuses: [], done: false };
    this.sent.push(sent);
    void this.#deliver(url, sent, bodyOf, genuine).catch(() => undefined);
    return sent;
  }

  async #deliver(
    url: string,
    sent: SentNotice,
    bodyOf: (tries: number) => string,
    genuine: boolean,
  ): Promise<void> {
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const body = bodyOf(tries);
      const answer = await this.#call('POST', url, body, this.signatureOf(body, genuine)).catch(() => null);
      sent.statuses.push(answer?.status ?? null);
      if (ACKNOWLEDGED.includes(answer?.status ?? 0)) break;
      if (tries < MOST_TRIES)
        await sleep(this.retryMs * 2 ** (tries - 1), undefined, { signal: this.#closing });
    }
    sent.done = true;
  }

  /** The header `X-EBAY-SIGNATURE` of a body. */
  signatureOf(body: string, genuine = true): string {
    const { privateKey } = genuine ? this.#own : this.#others;
    const signature = sign('sha1', Buffer.from(body), privateKey).toString('base64');
    const fields = { alg: 'ecdsa', kid: this.#kid, signature, digest: 'SHA1' };
    return Buffer.from(JSON.stringify(fields)).toString('base64');
  }

  #call(method: string, url: string, body?: string, signature?: string) {
    return new Promise<{ status: number; contentType: string; body: string }>((resolve, reject) => {
      const request = (url.startsWith('https:') ? requestHttps : requestHttp)(
        url,
        {
          method,
          agent: false,
          signal: this.#closing,
          headers: {
            ...(body !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(body),
            }),
            ...(signature !== undefined && { 'x-ebay-signature': signature }),
          },
        },
        (response) => {
          let text = '';
          response.on('data', (part) => {
            text += part;
          });
          response.on('error', reject).on('end', () => {
            const contentType = String(response.headers['content-type'] ?? '');
            resolve({ status: response.statusCode ?? 0, contentType, body: text });
          });
        },
      );
      // No AbortSignal.any: Node 20 keeps a trace of each one at `#closing`, which lives as long as the simulator.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)),
        ANSWER_MS,
      );
      request.on('close', () => clearTimeout(timer));
      request.on('error', reject).end(body);
    });
  }
}
