import { expect } from 'chai';
import type { ChannelKind } from '../../../../../src/product/channelSchema.ts';
import { DeliveryError, type OpenChannel } from '../../../../../src/queue/alerts/channels/sender.ts';
import { senders } from '../../../../../src/queue/alerts/channels/senders.ts';
import { DISCORD_BUSY, DISCORD_PATH, startDiscord } from '../../../../support/channels/discord.ts';
import { message, now, post, SENT_AT } from '../../../../support/channels/messages.ts';
import { NTFY_BUSY, startNtfy } from '../../../../support/channels/ntfy.ts';
import { type Receiver, type Reply, startReceiver } from '../../../../support/channels/receiver.ts';
import { SLACK_BUSY, SLACK_PATH, startSlack } from '../../../../support/channels/slack.ts';
import {
  startTelegram,
  TELEGRAM_BUSY,
  TELEGRAM_CHAT,
  TELEGRAM_TOKEN,
} from '../../../../support/channels/telegram.ts';

const all = senders({ post, email: { url: '', from: '' }, now });
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('what a receiver refuses', () => {
  const receivers = {} as Record<'webhook' | 'discord' | 'slack' | 'telegram' | 'ntfy', Receiver>;
  const channels = () => {
    const { webhook, discord, slack, telegram, ntfy } = receivers;
    return {
      webhook: { kind: 'webhook', name: 'w', url: `${webhook.origin}/hook`, secret: SECRET },
      discord: { kind: 'discord', name: 'd', url: discord.origin + DISCORD_PATH },
      slack: { kind: 'slack', name: 's', url: slack.origin + SLACK_PATH },
      telegram: {
        kind: 'telegram',
        name: 't',
        token: TELEGRAM_TOKEN,
        chat: TELEGRAM_CHAT,
        server: telegram.origin,
      },
      ntfy: { kind: 'ntfy', name: 'n', topic: 'alerts', server: ntfy.origin, token: 'tk_right' },
    } satisfies Partial<Record<ChannelKind, OpenChannel>>;
  };

  before(async () => {
    receivers.webhook = await startReceiver(() => ({ status: 204 }));
    receivers.discord = await startDiscord();
    receivers.slack = await startSlack();
    receivers.telegram = await startTelegram();
    receivers.ntfy = await startNtfy('tk_right');
  });
  after(() => Promise.all(Object.values(receivers).map(({ close }) => close())));

  const refusedBy = async (channel: OpenChannel): Promise<DeliveryError> => {
    const error = await all
      .get(channel.kind)
      ?.send(channel, message(), new AbortController().signal)
      .then(() => undefined)
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(DeliveryError);
    return error as DeliveryError;
  };

  const text = (status: number, body = '', headers = {}): Reply => ({ status, body, headers });
  const telegramSays = (code: number, description: string, parameters?: object): Reply => ({
    status: code,
    body: { ok: false, error_code: code, description, ...(parameters && { parameters }) },
  });
  const date = (ms: number) => new Date(SENT_AT + ms).toUTCString();
  const answers: Array<
    [
      kind: keyof typeof receivers,
      reply: Reply,
      fault: string,
      retryAfterMs: number | undefined,
      words: RegExp,
    ]
  > = [
    ['webhook', text(400, 'a stack trace'), 'message', undefined, /answered 400$/],
    ['webhook', text(413), 'message', undefined, /413/],
    ['webhook', text(422), 'message', undefined, /422/],
    ['webhook', text(401), 'channel', undefined, /401/],
    ['webhook', text(404), 'channel', undefined, /404/],
    ['webhook', text(410), 'channel', undefined, /410/],
    ['webhook', text(500), 'channel', undefined, /500/],
    ['webhook', text(301, '', { location: 'https://other.example/' }), 'channel', undefined, /301$/],
    ['webhook', text(503, '', { 'retry-after': '120' }), 'channel', 120_000, /503/],
    ['webhook', text(429, '', { 'retry-after': date(90_000) }), 'busy', 90_000, /429/],
    ['webhook', text(429, '', { 'retry-after': date(-90_000) }), 'busy', undefined, /429/],
    ['webhook', text(429, '', { 'retry-after': 'soon' }), 'busy', undefined, /429/],
    ['webhook', text(429), 'busy', undefined, /429/],
    ['discord', DISCORD_BUSY, 'busy', 64_570, /You are being rate limited/],
    ['discord', text(429, '', { 'retry-after': '65' }), 'busy', 65_000, /429/],
    [
      'discord',
      { status: 404, body: { message: 'Unknown Webhook', code: 10015 } },
      'channel',
      undefined,
      /Unknown Webhook/,
    ],
    [
      'discord',
      { status: 400, body: { message: 'Invalid Form Body', code: 50035 } },
      'message',
      undefined,
      /Invalid Form Body/,
    ],
    ['discord', text(502, '<html>'), 'channel', undefined, /502$/],
    ['slack', SLACK_BUSY, 'busy', 30_000, /rate_limited/],
    ['slack', text(400, 'invalid_payload'), 'message', undefined, /invalid_payload/],
    ['slack', text(404, 'no_service'), 'channel', undefined, /no_service/],
    ['slack', text(410, 'channel_is_archived'), 'channel', undefined, /channel_is_archived/],
    ['slack', text(403, 'action_prohibited'), 'channel', undefined, /action_prohibited/],
    ['slack', text(400, 'user_not_found'), 'channel', undefined, /user_not_found/],
    ['slack', text(500, 'rollup_error'), 'channel', undefined, /rollup_error/],
    ['telegram', TELEGRAM_BUSY, 'busy', 7000, /Too Many Requests/],
    [
      'telegram',
      telegramSays(403, 'Forbidden: bot was blocked by the user'),
      'channel',
      undefined,
      /blocked/,
    ],
    ['telegram', telegramSays(400, 'Bad Request: message is too long'), 'message', undefined, /too long/],
    [
      'telegram',
      telegramSays(400, 'Bad Request: group chat was upgraded to a supergroup chat', {
        migrate_to_chat_id: -1009876543210,
      }),
      'channel',
      undefined,
      /its id is now -1009876543210/,
    ],
    ['telegram', text(502, 'Bad Gateway'), 'channel', undefined, /502/],
    ['ntfy', NTFY_BUSY, 'busy', undefined, /too many requests/],
    [
      'ntfy',
      { status: 429, body: { code: 42908, http: 429, error: 'limit reached: daily message quota reached' } },
      'busy',
      3_600_000,
      /daily message quota/,
    ],
    [
      'ntfy',
      { status: 413, body: { code: 41303, http: 413, error: 'JSON body too large' } },
      'message',
      undefined,
      /too large/,
    ],
    ['ntfy', { status: 507, body: { code: 50701, http: 507, error: 'no' } }, 'channel', undefined, /507/],
  ];
  for (const [kind, reply, fault, retryAfterMs, words] of answers)
    it(`${kind}: ${reply.status} ${words.source} is about the ${fault}`, async () => {
      receivers[kind].next.push(reply);
      const error = await refusedBy(channels()[kind]);
      expect(error).to.include({ fault, status: reply.status });
      expect(error.retryAfterMs).to.equal(retryAfterMs);
      expect(error.message).to.match(words);
      expect(error.message).to.not.include('stack trace');
    });

  it('is about the channel where the address, the chat or the token is wrong, and shows no token', async () => {
    const { discord, slack, telegram, ntfy } = channels();
    const wrong: Array<[channel: OpenChannel, status: number, words: string]> = [
      [{ ...discord, url: `${discord.url}x` }, 401, 'Invalid Webhook Token'],
      [{ ...discord, url: `${new URL(discord.url).origin}/api/webhooks/1/x` }, 404, 'Unknown Webhook'],
      [{ ...slack, url: `${slack.url}x` }, 404, 'no_service'],
      [{ ...telegram, token: `${telegram.token}x` }, 401, 'Unauthorized'],
      [{ ...telegram, chat: '12' }, 400, 'chat not found'],
      [{ ...ntfy, token: 'tk_wrong' }, 401, 'unauthorized'],
    ];
    for (const [channel, status, words] of wrong) {
      const error = await refusedBy(channel);
      expect(error).to.include({ fault: 'channel', status });
      expect(error.message)
        .to.include(words)
        .and.not.match(/tk_wrong|AAHdq|dGhpcy/);
    }
  });

  it('is about the channel where a worker has no mail server', async () => {
    const error = await refusedBy({ kind: 'email', name: 'm', to: ['me@example.org'] });
    expect(error).to.include({ fault: 'channel', status: undefined });
    expect(error.message).to.include('SMTP_URL');
  });
});
