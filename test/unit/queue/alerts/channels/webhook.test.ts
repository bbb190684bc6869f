import { createHmac } from 'node:crypto';
import { expect } from 'chai';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { payloadOf, signedHeaders, webhookSender } from '../../../../../src/queue/alerts/channels/webhook.ts';
import { baseline, hit, hits, message, post, test, withheld } from '../../../../support/channels/messages.ts';
import { type Receiver, startReceiver } from '../../../../support/channels/receiver.ts';

const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;

/** Without the library: what the specification says is signed. */
function signature(secret: string, id: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

describe('a webhook', () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver(() => ({ status: 204 }));
  });
  beforeEach(() => {
    receiver.received.length = 0;
  });
  after(() => receiver.close());

  const send = async (
    fields: { secret: string; formerSecret?: string },
    sent = message(),
    at = Date.now(),
  ) => {
    const channel = { kind: 'webhook', name: 'w', url: `${receiver.origin}/hook`, ...fields } as const;
    await webhookSender(post, () => at).send(channel, sent, new AbortController().signal);
    const [request] = receiver.received.splice(0);
    if (request === undefined) throw new Error('nothing arrived');
    return request;
  };

  it("is signed as in the test vector of the specification's repository", () => {
    expect(
      signedHeaders('msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330 * 1000, '{"test": 2432232314}', [
        'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      ]),
    ).to.deep.equal({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('carries the id of its hit, and a signature that the library and an HMAC of our own confirm', async () => {
    const { headers, text, json } = await send({ secret: secretOf(1) });
    expect(headers['webhook-id']).to.equal(message().hits[0]?.id);
    expect(headers['content-type']).to.equal('application/json');
    new Webhook(secretOf(1)).verify(text, headers as Record<string, string>);
    const timestamp = headers['webhook-timestamp'] as string;
    expect(headers['webhook-signature']).to.equal(signature(secretOf(1), message().id, timestamp, text));
    expect(json).to.deep.equal({ type: 'alert.drop', timestamp: message().at, data: message() });
  });

  it('has the time of the attempt in its signature: the same message later is another request of the same id', async () => {
    const first = await send({ secret: secretOf(1) }, message(), 1_000_000_000_999);
    const second = await send({ secret: secretOf(1) }, message(), 1_000_000_060_000);
    expect(first.headers['webhook-timestamp']).to.equal('1000000000');
    expect(second.headers['webhook-timestamp']).to.equal('1000000060');
    expect(second.headers['webhook-id']).to.equal(first.headers['webhook-id']);
    expect(second.headers['webhook-signature']).to.not.equal(first.headers['webhook-signature']);
  });

  it('is signed by both secrets while one replaces the other, so that a receiver with either accepts it', async () => {
    const { headers, text } = await send({ secret: secretOf(2), formerSecret: secretOf(1) });
    for (const secret of [secretOf(1), secretOf(2)])
      new Webhook(secret).verify(text, headers as Record<string, string>);
    expect(() => new Webhook(secretOf(3)).verify(text, headers as Record<string, string>)).to.throw(
      WebhookVerificationError,
    );
    expect(headers['webhook-signature']?.toString().split(' ')).to.have.length(2);
  });

  it('is refused where anything of it was changed', async () => {
    const { headers, text } = await send({ secret: secretOf(1) });
    const verify = (changed: object, body = text) =>
      new Webhook(secretOf(1)).verify(body, { ...headers, ...changed } as Record<string, string>);
    expect(() => verify({}, text.replace('399', '1'))).to.throw(WebhookVerificationError);
    expect(() => verify({ 'webhook-id': 'f'.repeat(32) })).to.throw(WebhookVerificationError);
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(() => verify({ 'webhook-timestamp': later })).to.throw(WebhookVerificationError);
  });

  it('names what it is about in its type', () => {
    const types = [
      message({ hits: [hit({ on: 'price-below' })] }),
      message({ hits: [hit({ on: 'back-in-stock' })] }),
      message({ hits: hits(2) }),
      baseline(),
      withheld(),
      test(),
    ].map((sent) => payloadOf(sent).type);
    expect(types).to.deep.equal([
      'alert.price_below',
      'alert.back_in_stock',
      'alert.digest',
      'alert.baseline',
      'alert.withheld',
      'alert.test',
    ]);
    for (const type of types) expect(type).to.match(/^[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)*$/);
  });
});
