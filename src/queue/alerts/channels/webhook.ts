import { Webhook } from 'standardwebhooks';
import type { AlertMessage } from '../../../product/alertMessage.ts';
import { isTaken, type Post, refusal } from './answers.ts';
import { DeliveryError, type Sender } from './sender.ts';

/**
 * Signed requests after the Standard Webhooks specification. `webhook-id` is the message's id, so a repeat is recognised by
 * it; `webhook-timestamp` is that of the attempt.
 * @param now ms since the epoch, on the clock that the fleet shares
 */
export function webhookSender(post: Post, now: () => number): Sender<'webhook'> {
  return {
    kind: 'webhook',
    async send({ url, secret, formerSecret }, message, signal) {
      if (secret === undefined) throw new DeliveryError('the channel has no secret', { fault: 'channel' });
      const body = JSON.stringify(payloadOf(message));
      const headers = signedHeaders(message.id, now(), body, [secret, formerSecret ?? []].flat());
      const answer = await post(url, {
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal,
      });
      // Its body is not repeated: it is of a program that we know nothing of.
      if (!isTaken(answer)) throw refusal(answer, {}, now());
    },
  };
}

/** @param atMs ms since the epoch @param secrets each of them signs */
export function signedHeaders(id: string, atMs: number, body: string, secrets: readonly string[]) {
  const timestamp = Math.floor(atMs / 1000);
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, new Date(timestamp * 1000), body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

/** `alert.price_below`, or `alert.digest` of several hits. The specification allows letters, digits and underscores. */
export function payloadOf(message: AlertMessage) {
  const { kind, hits } = message;
  const what = kind !== 'alert' ? kind : hits.length === 1 ? (hits[0]?.on ?? kind) : 'digest';
  return { type: `alert.${what.replaceAll('-', '_')}`, timestamp: message.at, data: message };
}
