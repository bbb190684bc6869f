import { expect } from 'chai';
import type { AlertMessage, Hit } from '../../../../src/product/alertMessage.ts';
import type { Alert } from '../../../../src/product/alertSchema.ts';
import { type AlertReport, Alerts } from '../../../../src/queue/alerts/alerts.ts';
import { alertKeys } from '../../../../src/queue/alerts/keys.ts';
import { release, releaseDue } from '../../../../src/queue/alerts/release.ts';
import { clockOf } from '../../../../src/redis/redisClock.ts';
import { useRedis } from '../../../support/redis.ts';

const [prefix, tenant] = ['{ebay}', 'default'];
const keys = alertKeys(prefix, tenant);
const HOUR = 3_600_000;
/** A Sunday, 12:00 UTC. */
const NOON = Date.UTC(2026, 10, 29, 12);

describe('the release of alerts', () => {
  const server = useRedis();
  const setUp = () => {
    const redis = server.connect();
    const woken: string[] = [];
    const withheld: Record<string, number> = {};
    const context = {
      ...{ redis, prefix, tenant, waitMs: 24 * HOUR },
      wake: async (channel: string) => {
        woken.push(channel);
      },
      withheld: (on: string, hits: number) => {
        withheld[on] = (withheld[on] ?? 0) + hits;
      },
    };
    const alerts = new Alerts({ redis, prefix, tenant, deadlineMs: 5000 });
    const outbox = async (channel: string): Promise<AlertMessage[]> =>
      (await redis.lrange(keys.outbox(channel), 0, -1)).map((text) => JSON.parse(text));
    const channel = (name: string, kind: string) =>
      redis.hset(keys.channels, name, JSON.stringify({ kind, host: 'h', createdAt: 1, sealed: '{}' }));
    let number = 0;
    const found = async (alert: string, count: number, { on = 'drop', at = NOON } = {}) => {
      const hits = Array.from({ length: count }, (): Partial<Hit> => {
        number += 1;
        return {
          id: number.toString(16).padStart(32, '0'),
          on: on as Hit['on'],
          at: new Date(at).toISOString(),
        };
      });
      await redis.rpush(keys.hits(alert), ...hits.map((hit) => JSON.stringify(hit)));
      await redis.zadd(keys.due, 0, alert);
      return hits.map(({ id }) => id);
    };
    const put = (more: Partial<Alert> = {}) =>
      alerts.put({ name: 'a', track: 't', when: [{ on: 'drop' }], ...more });
    const due = async () => Number(await redis.zscore(keys.due, 'a'));
    return { redis, context, woken, withheld, alerts, outbox, channel, found, put, due };
  };
  const idsOf = (messages: AlertMessage[]) => messages.map(({ hits }) => hits.map(({ id }) => id));

  it('gives a webhook one hit a message and channels of people ten, in order, each hit once', async () => {
    const { context, channel, put, found, outbox, woken, redis } = setUp();
    await channel('hook', 'webhook');
    await channel('chat', 'discord');
    await put();
    const ids = await found('a', 12);
    await Promise.all([1, 2, 3].map(() => release(context, 'a', NOON)));
    expect(idsOf(await outbox('hook'))).to.deep.equal(ids.map((id) => [id]));
    expect((await outbox('hook')).map(({ id }) => id)).to.deep.equal(ids);
    expect(idsOf(await outbox('chat'))).to.deep.equal([ids.slice(0, 10), ids.slice(10)]);
    expect(new Set(woken)).to.deep.equal(new Set(['hook', 'chat']));
    expect(await redis.zscore(keys.due, 'a')).to.equal(null);
  });

  it('sends only to the channels of an alert, and refuses one that is not there', async () => {
    const { context, channel, put, found, outbox, alerts } = setUp();
    await channel('one', 'webhook');
    await channel('two', 'webhook');
    const wrong = await put({ channels: ['three'] }).catch(({ detail }) => detail.errors);
    expect(wrong).to.have.nested.property('[0].path', 'channels.0');
    await put({ channels: ['two'] });
    await found('a', 1);
    await release(context, 'a');
    expect([await outbox('one'), await outbox('two')].map(({ length }) => length)).to.deep.equal([0, 1]);
    expect(await alerts.get('a')).to.include({ sentToday: 1, pending: 0, nextDue: null });
  });

  it('holds hits in quiet hours until their end', async () => {
    const { context, channel, put, found, outbox, due } = setUp();
    await channel('hook', 'webhook');
    await put({ quiet: { from: '11:00', to: '14:30' }, tz: 'UTC' });
    await found('a', 2);
    await release(context, 'a', NOON);
    expect(await outbox('hook')).to.deep.equal([]);
    expect(await due()).to.equal(NOON + 2.5 * HOUR);
    await release(context, 'a', NOON + 2.5 * HOUR);
    expect(await outbox('hook')).to.have.length(2);
  });

  it('reports when the next message may go, also before the hits were looked at, never in the past', async () => {
    const { context, channel, put, found, alerts, redis, due } = setUp();
    await channel('hook', 'webhook');
    await put();
    await found('a', 1);
    const before = await clockOf(redis).current();
    const waits = ({ nextDue }: AlertReport) => Date.parse(nextDue ?? '') - before;
    const soon = [0, 10_000] as const;
    const anHour = [HOUR, HOUR + 10_000] as const;
    expect(waits(await put())).to.be.within(...soon);
    expect(waits(await alerts.get('a'))).to.be.within(...soon);
    // Nobody has released it since.
    await redis.zadd(keys.due, before - HOUR, 'a');
    expect(waits(await alerts.get('a'))).to.be.within(...soon);
    await release(context, 'a');
    await found('a', 1);
    expect(waits(await put({ digest: 3600 }))).to.be.within(...anHour);
    expect(waits(await alerts.get('a'))).to.be.within(...anHour);
    await release(context, 'a');
    expect(waits(await alerts.get('a'))).to.equal((await due()) - before);
  });

  it('puts what a digest holds in one message of a webhook, and the next one waits', async () => {
    const { context, channel, put, found, outbox, due } = setUp();
    await channel('hook', 'webhook');
    await put({ digest: 3600 });
    const first = await found('a', 1);
    await release(context, 'a', NOON);
    const then = [...(await found('a', 3)), ...(await found('a', 2))];
    await release(context, 'a', NOON + HOUR / 2);
    expect(idsOf(await outbox('hook'))).to.deep.equal([first]);
    expect(await due()).to.equal(NOON + HOUR);
    await release(context, 'a', NOON + HOUR);
    expect(idsOf(await outbox('hook'))).to.deep.equal([first, then]);
  });

  it('keeps the time between digests where the daily cap keeps back the last of more hits than one script takes', async () => {
    const { context, channel, put, found, outbox, due } = setUp();
    await channel('hook', 'webhook');
    await put({ digest: 86_400, dailyCap: 100 });
    await found('a', 600);
    await release(context, 'a', NOON);
    expect((await outbox('hook')).map(({ hits }) => hits.length)).to.deep.equal([100]);
    expect(await due()).to.equal(NOON + 24 * HOUR);
  });

  it('counts by condition what the daily cap keeps back, and says so when the day is over', async () => {
    const { context, channel, put, found, outbox, due, withheld } = setUp();
    await channel('hook', 'webhook');
    await put({ dailyCap: 3, when: [{ on: 'drop' }, { on: 'gone' }] });
    await found('a', 5);
    await found('a', 2, { on: 'gone' });
    await release(context, 'a', NOON);
    expect(await outbox('hook')).to.have.length(3);
    expect(withheld).to.deep.equal({ drop: 2, gone: 2 });
    const midnight = NOON + 12 * HOUR;
    expect(await due()).to.equal(midnight);
    await release(context, 'a', midnight);
    await release(context, 'a', midnight + 1);
    const rest = (await outbox('hook')).slice(3);
    expect(rest.map(({ kind, withheld: counts }) => ({ kind, counts }))).to.deep.equal([
      { kind: 'withheld', counts: { drop: 2, gone: 2 } },
    ]);
    await found('a', 1, { at: midnight });
    await release(context, 'a', midnight + 2);
    expect(await outbox('hook')).to.have.length(5);
  });

  it('releases more hits than one script takes, each once, also by several processes at a time', async () => {
    const { context, channel, put, found, outbox } = setUp();
    for (const name of ['one', 'two', 'three']) await channel(name, 'webhook');
    await put({ dailyCap: 10_000 });
    const ids = await found('a', 900);
    await Promise.all([1, 2, 3].map(() => release(context, 'a', NOON)));
    for (const name of ['one', 'two', 'three'])
      expect((await outbox(name)).map(({ id }) => id)).to.deep.equal(ids);
  });

  it('keeps hits for a channel that is added later, the newest thousand, and counts those it drops', async () => {
    const { context, channel, put, found, outbox, alerts, redis } = setUp();
    await put({ dailyCap: 10_000 });
    await found('a', 1, { at: NOON - 25 * HOUR });
    await release(context, 'a', NOON);
    expect(await redis.llen(keys.hits('a'))).to.equal(0);
    const ids = await found('a', 1010);
    await release(context, 'a', NOON);
    const { note, pending } = await alerts.get('a');
    expect(pending).to.equal(1000);
    expect(note)
      .to.match(/has no channel/)
      .and.to.match(/11 alerts were dropped/);
    await channel('hook', 'webhook');
    await release(context, 'a', NOON);
    expect((await outbox('hook')).map(({ id }) => id)).to.deep.equal(ids.slice(10));
  });

  it('says what the cap kept back when a channel is there again, where there was none as the day ended', async () => {
    const { context, channel, put, found, outbox, alerts, redis, due } = setUp();
    await channel('hook', 'webhook');
    await put({ dailyCap: 1 });
    await found('a', 3);
    await release(context, 'a', NOON);
    await redis.hdel(keys.channels, 'hook');
    const midnight = NOON + 12 * HOUR;
    await release(context, 'a', midnight);
    // What waits for too long is dropped meanwhile.
    await found('a', 1, { at: midnight - 30 * HOUR });
    await release(context, 'a', midnight + HOUR);
    expect(await due()).to.be.above(midnight);
    expect((await alerts.get('a')).note).to.match(/1 alerts were dropped/);
    await channel('mail', 'email');
    await release(context, 'a', midnight + 2 * HOUR);
    const kept = (await outbox('mail')).map(({ kind, withheld }) => ({ kind, withheld }));
    expect(kept).to.deep.equal([{ kind: 'withheld', withheld: { drop: 2 } }]);
  });

  it('releases what is due, and nothing of an alert that is paused until it is resumed', async () => {
    const { context, channel, put, found, outbox, alerts } = setUp();
    await channel('hook', 'webhook');
    await put();
    await alerts.pause('a');
    await found('a', 1);
    await releaseDue(context, new AbortController().signal);
    expect(await outbox('hook')).to.deep.equal([]);
    expect(await alerts.resume('a')).to.equal(true);
    await releaseDue(context, new AbortController().signal);
    expect(await outbox('hook')).to.have.length(1);
  });
});

describe('alerts', () => {
  const server = useRedis();
  const setUp = () => {
    const redis = server.connect();
    return { redis, alerts: new Alerts({ redis, prefix, tenant, deadlineMs: 5000 }) };
  };
  const DROPS: Alert = { name: 'drops', track: 't', when: [{ on: 'drop' }] };

  it('are made, listed by name, paused, resumed and removed', async () => {
    const { alerts } = setUp();
    await alerts.put(DROPS);
    await alerts.put({ ...DROPS, name: 'again' });
    expect((await alerts.list()).map(({ name }) => name)).to.deep.equal(['again', 'drops']);
    expect(await alerts.get('drops')).to.include({
      state: 'active',
      rearm: 86_400,
      pending: 0,
      lastHit: null,
    });
    expect([await alerts.pause('drops'), await alerts.pause('drops')]).to.deep.equal([true, false]);
    expect(await alerts.get('drops')).to.include({ state: 'paused' });
    expect([await alerts.resume('drops'), await alerts.resume('drops')]).to.deep.equal([true, false]);
    await alerts.remove('drops');
    const calls = [alerts.get('drops'), alerts.remove('drops'), alerts.pause('drops')];
    const codes = await Promise.all(calls.map((call) => call.then(String, ({ code }) => code)));
    expect(codes).to.deep.equal(['alert_not_found', 'alert_not_found', 'alert_not_found']);
  });

  it('keep what they know while channels and times change, and lose it with other conditions or when removed', async () => {
    const { alerts, redis } = setUp();
    const left = () => redis.exists(keys.state('drops'), keys.hits('drops'));
    const plant = async () => {
      await redis.hset(keys.state('drops'), 'v1|1|0', '[1,0]');
      await redis.rpush(keys.hits('drops'), '{}');
    };
    await alerts.put(DROPS);
    await plant();
    await alerts.put({ ...DROPS, dailyCap: 7, rearm: 60 });
    expect(await left()).to.equal(2);
    expect(await redis.zscore(keys.due, 'drops')).to.equal('0');
    await alerts.put({ ...DROPS, when: [{ on: 'drop', percent: 5 }] });
    expect(await left()).to.equal(0);
    await plant();
    await alerts.remove('drops');
    expect(await left()).to.equal(0);
    expect(await redis.keys('*alert*')).to.deep.equal([]);
  });

  it('are a thousand at most, and the refusal says why', async () => {
    const { alerts, redis } = setUp();
    await redis.hset(
      keys.alerts,
      Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`n${n}`, '{}'])),
    );
    const { code, message } = await alerts.put(DROPS).catch((error) => error);
    expect(code).to.equal('invalid_request');
    expect(message).to.match(/1000 alerts.*every search with a track reads them/);
  });
});
