import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { EncryptionKey } from '../../../../src/config/checks.ts';
import type { Failure } from '../../../../src/failures.ts';
import type { AlertMessage } from '../../../../src/product/alertMessage.ts';
import type { Channel } from '../../../../src/product/channelSchema.ts';
import { DeliveryError } from '../../../../src/queue/alerts/channels/sender.ts';
import { Channels, type ChannelsOptions, MAX_CHANNELS } from '../../../../src/queue/alerts/channels.ts';
import { alertKeys } from '../../../../src/queue/alerts/keys.ts';
import { seal } from '../../../../src/redis/sealing.ts';
import { Scrubber } from '../../../../src/telemetry/scrubber.ts';
import { DISCORD_PATH } from '../../../support/channels/discord.ts';
import { message } from '../../../support/channels/messages.ts';
import { TELEGRAM_CHAT, TELEGRAM_TOKEN } from '../../../support/channels/telegram.ts';
import { useRedis } from '../../../support/redis.ts';
import { waitFor } from '../../../support/waitFor.ts';

const keyOf = (kid: string): EncryptionKey => ({ kid, secret: randomBytes(32) });
const [OLD, NEW] = [keyOf('old'), keyOf('new')];
const PREFIX = '{ebay}';
const HOUR_MS = 3_600_000;

const webhook: Channel = {
  kind: 'webhook',
  name: 'shop',
  url: 'https://shop.example/hook?key=Zm9vYmFyYmF6cXV4MTIz',
};
const discord: Channel = { kind: 'discord', name: 'chat', url: `https://discord.com${DISCORD_PATH}` };
const telegram: Channel = { kind: 'telegram', name: 'phone', token: TELEGRAM_TOKEN, chat: TELEGRAM_CHAT };

describe('channels', () => {
  const server = useRedis();
  let redis: Redis;
  let woken: string[];
  before(() => {
    redis = server.connect();
  });
  beforeEach(() => {
    woken = [];
  });
  const open = (options: Partial<ChannelsOptions> = {}) =>
    new Channels({
      redis,
      prefix: PREFIX,
      tenant: 'default',
      encryptionKeys: [NEW],
      isAllowed: () => false,
      secretOverlapMs: HOUR_MS,
      deadlineMs: 5000,
      wake: async (name) => void woken.push(name),
      ...options,
    });
  const keys = alertKeys(PREFIX, 'default');
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => expect.fail('nothing failed'),
      (error: Failure) => error,
    );
  const errorsOf = async (work: Promise<unknown>) =>
    (await failure(work)).detail.errors?.map(({ code }) => code);

  it('let alerts that wait for one be looked at as soon as the first one is there', async () => {
    const later = 9_000_000_000_000;
    await redis.zadd(keys.due, later, 'drops');
    await open().put(webhook);
    expect(await redis.zscore(keys.due, 'drops')).to.equal('0');
    await redis.zadd(keys.due, later, 'drops');
    await open().put(webhook);
    expect(await redis.zscore(keys.due, 'drops'), 'a changed one').to.equal(String(later));
  });

  it('are reported without their secrets, and opened with them', async () => {
    const channels = open();
    const { secret, ...report } = await channels.put(webhook);
    expect(secret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(report).to.include({
      name: 'shop',
      kind: 'webhook',
      host: 'shop.example',
      state: 'ok',
      waiting: 0,
      failed: 0,
    });
    await channels.put(discord);
    await channels.put(telegram);
    const listed = await channels.list();
    expect(listed.map(({ name, host }) => [name, host])).to.deep.equal([
      ['chat', 'discord.com'],
      ['phone', 'api.telegram.org'],
      ['shop', 'shop.example'],
    ]);
    expect(await channels.get('shop')).to.deep.equal(report);
    for (const hidden of [secret as string, 'Zm9v', DISCORD_PATH, TELEGRAM_TOKEN])
      expect(JSON.stringify(listed)).to.not.include(hidden);
    expect(await channels.open('shop')).to.deep.equal({ ...webhook, secret });
    expect(await channels.open('phone')).to.deep.equal(telegram);
    expect(await channels.open('none')).to.equal(undefined);
    expect(woken).to.deep.equal(['shop', 'chat', 'phone']);
  });

  it('are no secret of Redis where there are keys: sealed for their tenant and their name', async () => {
    const channels = open();
    await channels.put(discord);
    await channels.put({ ...discord, name: 'other' });
    const all = await redis.hgetall(keys.channels);
    expect(JSON.stringify(all)).to.not.match(/webhooks|dGhpcy/);
    const chat = JSON.parse(all.chat as string);
    const other = JSON.parse(all.other as string);
    await redis.hset(keys.channels, 'other', JSON.stringify({ ...other, sealed: chat.sealed }));
    const stolen = await failure(channels.open('other'));
    expect(stolen).to.be.instanceOf(DeliveryError).and.include({ fault: 'channel' });
    await redis.hset(alertKeys(PREFIX, 'acme').channels, 'chat', all.chat as string);
    expect(await failure(open({ tenant: 'acme' }).open('chat'))).to.be.instanceOf(DeliveryError);
  });

  it('open by every listed key, are sealed by the first, and one in the clear is refused where there are keys', async () => {
    await open({ encryptionKeys: [OLD] }).put(discord);
    expect(await open({ encryptionKeys: [NEW, OLD] }).open('chat')).to.deep.equal(discord);
    const lost = await failure(open({ encryptionKeys: [NEW] }).open('chat'));
    expect(lost.message).to.include('no key of TOKEN_ENCRYPTION_KEYS opens it');
    expect((await failure(open({ encryptionKeys: [] }).open('chat'))).message).to.include(
      'has no TOKEN_ENCRYPTION_KEYS',
    );
    await open({ encryptionKeys: [] }).put(discord);
    expect(await open({ encryptionKeys: [] }).open('chat')).to.deep.equal(discord);
    expect((await failure(open().open('chat'))).message).to.include('it is in the clear');
    // A token is sealed by the same keys and never opens as a channel.
    const token = await seal('{"kind":"discord"}', NEW, { tenant: 'default', environment: 'sandbox' });
    const stored = JSON.parse((await redis.hget(keys.channels, 'chat')) as string);
    await redis.hset(keys.channels, 'chat', JSON.stringify({ ...stored, sealed: token }));
    expect(await failure(open().open('chat'))).to.be.instanceOf(DeliveryError);
  });

  it('teach the scrubber what they open', async () => {
    const scrubber = new Scrubber();
    const channels = open({ learn: (secrets) => scrubber.learn(secrets) });
    await open().put(telegram);
    expect(scrubber.text(`to ${TELEGRAM_TOKEN}`)).to.include(TELEGRAM_TOKEN);
    await channels.open('phone');
    expect(scrubber.text(`to ${TELEGRAM_TOKEN}`)).to.equal('to ***');
  });

  it('put again keep the secret of a webhook and their first day; another address keeps what waits and ends the pause', async () => {
    const channels = open();
    const { secret, createdAt } = await channels.put(webhook);
    await redis.rpush(keys.outbox('shop'), JSON.stringify(message()));
    await redis.hset(keys.circuit('shop'), {
      until: Date.now() + HOUR_MS,
      error: 'the receiver answered 500',
    });
    expect(await channels.get('shop')).to.include({
      state: 'paused',
      waiting: 1,
      lastError: 'the receiver answered 500',
    });
    const again = await channels.put({ ...webhook, url: 'https://new.example/' });
    expect(again).to.include({ host: 'new.example', createdAt, state: 'ok', waiting: 1, lastError: null });
    expect(again.secret).to.equal(undefined);
    expect(await channels.open('shop')).to.include({ url: 'https://new.example/', secret });
  });

  it('rotate the secret of a webhook: the former one signs too until its time is over by Redis’s clock', async () => {
    const channels = open();
    const { secret: first } = await channels.put(webhook);
    const { secret: second } = await channels.rotate('shop');
    expect(second)
      .to.match(/^whsec_/)
      .and.not.equal(first);
    expect(await channels.open('shop')).to.include({ secret: second, formerSecret: first });
    expect((await channels.get('shop')).formerSecretUntil).to.be.a('string');
    const { secret: third } = await open({ secretOverlapMs: 1 }).rotate('shop');
    await waitFor('the end of the former secret', async () => {
      const opened = await channels.open('shop');
      return opened !== undefined && !('formerSecret' in opened);
    });
    expect(await channels.open('shop')).to.deep.equal({ ...webhook, secret: third });
    await channels.put(discord);
    expect(await errorsOf(channels.rotate('chat'))).to.deep.equal(['no_secret']);
    expect((await failure(channels.rotate('none'))).code).to.equal('channel_not_found');
  });

  it('are removed with all that waits and failed, and a new one of the name begins with nothing', async () => {
    const channels = open();
    await channels.put(discord);
    await redis.rpush(keys.outbox('chat'), 'x');
    await redis.rpush(keys.failed('chat'), 'x');
    await redis.hset(keys.circuit('chat'), 'error', 'x');
    await channels.remove('chat');
    expect(await redis.keys('*')).to.deep.equal([]);
    expect((await failure(channels.remove('chat'))).code).to.equal('channel_not_found');
    // What a delivery that was under way left behind.
    await redis.hset(keys.circuit('chat'), 'error', 'x');
    await redis.rpush(keys.outbox('chat'), 'x');
    expect(await channels.put(discord)).to.include({ waiting: 0, failed: 0, lastError: null });
  });

  it(`are at most ${MAX_CHANNELS} a tenant, and one that is there may still change`, async () => {
    const channels = open({ encryptionKeys: [] });
    for (let n = 0; n < MAX_CHANNELS; n += 1) await channels.put({ ...discord, name: `chat-${n}` });
    expect(await errorsOf(channels.put(discord))).to.deep.equal(['too_many']);
    await channels.put({ ...telegram, name: 'chat-0' });
    expect(await channels.list()).to.have.length(MAX_CHANNELS);
  });

  it('two processes that put the same channel at once agree on one secret', async () => {
    const both = await Promise.all([open().put(webhook), open().put(webhook)]);
    const secrets = both.flatMap(({ secret }) => secret ?? []);
    expect(secrets).to.have.length(1);
    expect(await open().open('shop')).to.include({ secret: secrets[0] });
  });

  it('are refused as a whole where anything is wrong, and damage in Redis harms one channel only', async () => {
    const channels = open();
    expect(
      await errorsOf(channels.put({ ...webhook, url: 'http://shop.example', secret: 'x' } as Channel)),
    ).to.have.members(['insecure_url', 'invalid_value']);
    await channels.put(discord);
    await redis.hset(keys.channels, 'shop', 'garbage');
    expect((await channels.list()).map(({ name }) => name)).to.deep.equal(['chat']);
    await channels.put(webhook);
    expect(await channels.list()).to.have.length(2);
  });

  it('are tested by a message before what waits, and the caller learns how it ended', async () => {
    const channels = open({
      wake: async (name) => {
        woken.push(name);
        const texts = await redis.lrange(keys.outbox(name), 0, -1);
        for (const text of texts) {
          const { id, kind }: AlertMessage = JSON.parse(text);
          if (kind === 'test')
            await redis.set(keys.test(id), JSON.stringify({ delivered: false, error: 'Unknown Webhook' }));
        }
      },
    });
    await channels.put(discord);
    await redis.rpush(keys.outbox('chat'), JSON.stringify(message()));
    expect(await channels.test('chat')).to.deep.equal({ delivered: false, error: 'Unknown Webhook' });
    const kinds = (await redis.lrange(keys.outbox('chat'), 0, -1)).map((text) => JSON.parse(text).kind);
    expect(kinds).to.deep.equal(['test', 'alert']);
    expect((await failure(channels.test('none'))).code).to.equal('channel_not_found');
    const { error } = await open().test('chat', { timeoutMs: 0 });
    expect(error).to.include('no worker has taken it');
  });

  it('send what could not be delivered again, oldest first and each once', async () => {
    const channels = open();
    await channels.put(discord);
    const ids = Array.from({ length: 450 }, (_, n) => n.toString(16).padStart(32, '0'));
    const records = ids.map((id, n) =>
      JSON.stringify({
        message: message({ id, hits: [] }),
        at: n,
        error: 'the receiver answered 400',
        attempts: 1,
      }),
    );
    await redis.lpush(keys.failed('chat'), ...records);
    const [newest] = await channels.failed('chat', { limit: 1 });
    expect(newest).to.deep.equal({
      ...{ channel: 'chat', id: ids.at(-1), kind: 'alert', alert: 'consoles', items: [] },
      ...{ at: new Date(449).toISOString(), error: 'the receiver answered 400', attempts: 1 },
    });
    await redis.hset(keys.circuit('chat'), { until: 9_000_000_000_000, failures: 7 });
    const moved = await Promise.all([channels.retryFailed('chat'), open().retryFailed()]);
    // Its pause is over: what is sent again is tried at once, and another failure pauses it again.
    expect(await redis.hgetall(keys.circuit('chat'))).to.deep.equal({ failures: '7' });
    expect(moved[0] + moved[1]).to.be.at.most(450);
    await channels.retryFailed();
    const sent = (await redis.lrange(keys.outbox('chat'), 0, -1)).map((text) => JSON.parse(text));
    expect(sent.map(({ id }) => id).sort()).to.deep.equal(ids);
    expect(sent[0]).to.deep.equal(message({ id: ids[0] as string, hits: [] }));
    expect(await channels.get('chat')).to.include({ waiting: 450, failed: 0 });
    expect(woken).to.include('chat');
  });

  it('show and send again what could not be delivered, whatever other programs have put beside it', async () => {
    const channels = open();
    await channels.put(discord);
    const record = { message: message({ hits: [] }), at: 1, error: 'the receiver answered 400', attempts: 1 };
    const foreign = ['x', 'null', '{"message":{}}', JSON.stringify({ ...record, at: 'soon' })];
    // More than are looked at in one go, before and behind ours.
    const many = Array.from({ length: 100 }, (_, n) => foreign.map((text) => text + ' '.repeat(n))).flat();
    await redis.lpush(keys.failed('chat'), ...many, JSON.stringify(record), ...foreign);
    const shown = await channels.failed('chat', { limit: 10 });
    expect(shown.map(({ id }) => id)).to.deep.equal([record.message.id]);
    expect(await channels.retryFailed('chat')).to.equal(1);
    expect(await channels.get('chat')).to.include({ waiting: 1, failed: 0 });
  });
});
