import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { AlertMessage } from '../../../../src/product/alertMessage.ts';
import { DeliveryError } from '../../../../src/queue/alerts/channels/sender.ts';
import { afterFailure, type DeliveryContext, deliver } from '../../../../src/queue/alerts/deliver.ts';
import { alertKeys, type FailedRecord, type TestRecord } from '../../../../src/queue/alerts/keys.ts';
import { figuresOf, Outbox } from '../../../../src/queue/alerts/outbox.ts';
import { alertFindings } from '../../../../src/queue/checkup.ts';
import { clockOf } from '../../../../src/redis/redisClock.ts';
import { NOOP_LOGGER } from '../../../../src/telemetry/logger.ts';
import { Scrubber } from '../../../../src/telemetry/scrubber.ts';
import { useRedis } from '../../../support/redis.ts';
import { waitFor } from '../../../support/waitFor.ts';

const PREFIX = '{ebay}';
const SECRET = 'whsec-of-the-channel';
const HOUR_MS = 3_600_000;
const keys = alertKeys(PREFIX, 'default');

const idOf = (n: number) => n.toString(16).padStart(32, '0');

describe('the rules of delivery', () => {
  const server = useRedis();
  let redis: Redis;
  let now: number;
  let sent: number[];
  let outcomes: string[];
  /** What the receiver does with a message. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most do nothing
  let receive: (n: number) => string | void | Promise<string | void>;
  let isStopping: boolean;
  let locks: number;
  let delayedUntil: number[];
  let opened: () => Promise<unknown>;
  /** Aborts when the process ends. */
  let ending: AbortSignal;

  beforeEach(async () => {
    ending = new AbortController().signal;
    redis = server.connect();
    now = await clockOf(redis, PREFIX).current();
    [sent, outcomes, delayedUntil, isStopping, locks] = [[], [], [], false, Number.POSITIVE_INFINITY];
    receive = () => undefined;
    opened = async () => ({ kind: 'webhook', name: 'hook', url: 'https://example.com/' });
    await redis.hset(keys.channels, 'hook', '{}');
  });

  const message = (n: number, { ageMs = 0, kind = 'alert' } = {}): string => {
    const at = new Date(now - ageMs).toISOString();
    const ofAlert = { track: null, schedule: null, watchlist: null, hits: [], matching: 0, withheld: {} };
    return JSON.stringify({ v: 1, id: idOf(n), kind, at, tenant: 'default', alert: 'a', ...ofAlert });
  };
  const put = (...messages: string[]) => redis.rpush(keys.outbox('hook'), ...messages);
  const numbers = (texts: string[]) => texts.map((text) => Number.parseInt(JSON.parse(text).id, 16));
  const waiting = async () => numbers(await redis.lrange(keys.outbox('hook'), 0, -1));
  const failed = async (): Promise<FailedRecord[]> =>
    (await redis.lrange(keys.failed('hook'), 0, -1)).reverse().map((text) => JSON.parse(text));

  /** One run of the channel's job; how it ended. */
  const run = async (rules: Partial<DeliveryContext['rules']> = {}): Promise<unknown> => {
    const scrubber = new Scrubber();
    scrubber.learn([SECRET]);
    const context = {
      ...{ redis, prefix: PREFIX, tenant: 'default', deliveries: { name: 'ebay-alerts' } },
      senders: new Map([
        [
          'webhook',
          {
            kind: 'webhook',
            async send(
              _: unknown,
              { id }: AlertMessage,
              _signal: AbortSignal,
              partly: (words: string) => void,
            ) {
              sent.push(Number.parseInt(id, 16));
              const refused = await receive(Number.parseInt(id, 16));
              if (refused) partly(refused);
            },
          },
        ],
      ]),
      openChannel: opened,
      rules: { timeoutMs: 2000, retryDelayMs: 0, attempts: 4, maxAgeMs: HOUR_MS, ...rules },
      lockMs: 30_000,
      ended: (_kind: string, outcome: string) => outcomes.push(outcome),
      scrubber,
      log: NOOP_LOGGER,
    };
    const job = {
      ...{ id: 'channel_hook', name: 'deliver', data: { channel: 'hook' }, opts: {}, token: 't' },
      extendLock: async () => (--locks >= 0 ? 1 : 0),
      moveToDelayed: async (at: number) => void delayedUntil.push(at),
    };
    return deliver(context as never, job as never, { signal: ending, isStopping: () => isStopping }).catch(
      (error: Error) => error.name,
    );
  };
  const refuse = (status: number | undefined, fault: 'channel' | 'message' | 'busy' = 'channel') => {
    throw new DeliveryError(`answered ${status} for ${SECRET}`, { fault, status });
  };

  it('send nothing for a job whose lock has gone to another worker', async () => {
    await put(message(1), message(2));
    locks = 1;
    expect(await run()).to.equal('DelayedError');
    expect([sent, await waiting(), delayedUntil]).to.deep.equal([[1], [2], []]);
  });

  it('take no message off that another worker has taken off meanwhile, and none after it', async () => {
    await put(message(1), message(2), message(3));
    receive = async () => {
      await redis.lpop(keys.outbox('hook'));
      locks = 0;
    };
    expect(await run()).to.equal('DelayedError');
    expect([sent, await waiting()]).to.deep.equal([[1], [2, 3]]);
  });

  it('count an error of this program as a refusal, so that it blocks no message for ever', async () => {
    await put(message(1), message(2));
    receive = (n) => {
      if (n === 1) throw new TypeError('Cannot read properties of undefined');
    };
    for (let i = 0; i < 3; i += 1) expect(await run()).to.equal('DelayedError');
    expect(await run()).to.equal('all sent');
    expect(sent).to.deep.equal([1, 1, 1, 1, 2]);
    const [record] = await failed();
    expect(record).to.include({ attempts: 4 });
    expect(record?.error).to.match(/^it cannot be sent: TypeError/);
  });

  it('give up the messages that are too old once the channel fails again, and lose none', async () => {
    await put(...[1, 2, 3].map((n) => message(n, { ageMs: 2 * HOUR_MS })), message(4));
    receive = () => refuse(undefined);
    for (let i = 0; i < 3; i += 1) await run();
    expect(sent).to.deep.equal([1, 1, 1, 4]);
    expect((await failed()).map(({ message: { id } }) => id)).to.deep.equal([1, 2, 3].map(idOf));
    expect(await waiting()).to.deep.equal([4]);
    expect(outcomes).to.deep.equal([
      ...['postponed', 'postponed', 'failed', 'failed', 'failed', 'postponed'],
    ]);
  });

  it('give up nothing that is young where the receiver is away or the secret cannot be read, and say why', async () => {
    await put(message(1), message(2));
    opened = async () => refuse(undefined);
    for (let i = 0; i < 12; i += 1) await run();
    expect([sent, await failed(), await waiting()]).to.deep.equal([[], [], [1, 2]]);
    const { error, failures } = await redis.hgetall(keys.circuit('hook'));
    expect([error, failures]).to.deep.equal(['answered undefined for ***', '12']);
    const [finding] = alertFindings(await new Outbox(redis, PREFIX, 'default').census(), now);
    expect(finding?.message).to.match(/^hook does not deliver, 2 messages wait, .*: answered undefined/);
    opened = async () => ({ kind: 'webhook' });
    expect(await run()).to.equal('all sent');
    expect(sent).to.deep.equal([1, 2]);
    const [well] = alertFindings(await new Outbox(redis, PREFIX, 'default').census(), now);
    expect(well).to.include({ state: 'ok', message: '1 channels deliver, 0 messages wait' });
  });

  it('take a receiver that cannot be reached for no failure of Redis', async () => {
    await put(message(1));
    const reason = 'receiver.invalid cannot be reached (ENOTFOUND)';
    receive = () => {
      if (sent.length > 1) throw Object.assign(new Error('read'), { code: 'ECONNRESET' });
      throw new DeliveryError(reason, { fault: 'channel' });
    };
    expect(await run()).to.equal('DelayedError');
    expect(await redis.hmget(keys.circuit('hook'), 'error', 'attempts')).to.deep.equal([reason, '0']);
    expect(await run()).to.equal('DelayedError');
    expect(await redis.hmget(keys.circuit('hook'), 'tries', 'attempts')).to.deep.equal(['2', '1']);
  });

  it('leave the message as it is where Redis fails, so that another run sends it', async () => {
    await put(message(1));
    opened = async () => {
      throw new Error('Connection is closed.');
    };
    expect(await run()).to.equal('Error');
    expect([await redis.hgetall(keys.circuit('hook')), await waiting()]).to.deep.equal([{}, [1]]);
  });

  it('keep an order of messages that is the same for every number of refusals', async () => {
    await put(...[1, 2, 3, 4].map((n) => message(n)));
    let asked = 0;
    receive = () => {
      asked += 1;
      if (asked % 2 === 1) refuse(503);
    };
    for (let i = 0; i < 5; i += 1) await run();
    expect(sent).to.deep.equal([1, 1, 2, 2, 3, 3, 4, 4]);
    expect(await failed()).to.deep.equal([]);
  });

  it('send a test first, also while the channel pauses, and end the pause where it arrives', async () => {
    await put(message(1));
    receive = () => refuse(500);
    const slow = { retryDelayMs: 60_000 };
    await run(slow);
    await redis.lpush(keys.outbox('hook'), message(9, { kind: 'test' }));
    expect(await run(slow)).to.equal('DelayedError');
    const result = async () => JSON.parse((await redis.get(keys.test(idOf(9)))) as string) as TestRecord;
    expect(await result()).to.deep.equal({ delivered: false, error: 'answered 500 for ***' });
    expect([sent, await waiting(), await failed()]).to.deep.equal([[1, 9], [1], []]);
    receive = () => undefined;
    await redis.lpush(keys.outbox('hook'), message(9, { kind: 'test' }));
    expect(await run(slow)).to.equal('all sent');
    expect(await result()).to.deep.equal({ delivered: true, error: null });
    expect(sent).to.deep.equal([1, 9, 9, 1]);
  });

  it('count the tries of a message beside which a test was added', async () => {
    await put(message(1));
    receive = async (n) => {
      if (n === 9) return;
      await redis.lpush(keys.outbox('hook'), message(9, { kind: 'test' }));
      refuse(500);
    };
    await run();
    expect(await redis.hmget(keys.circuit('hook'), 'head', 'attempts')).to.deep.equal([idOf(1), '1']);
    expect(await waiting()).to.deep.equal([9, 1]);
  });

  it('leave the rest to another process when this one ends', async () => {
    await put(message(1), message(2));
    receive = () => {
      isStopping = true;
    };
    // By it BullMQ puts the job back.
    expect(await run()).to.equal('RateLimitError');
    expect([sent, await waiting()]).to.deep.equal([[1], [2]]);
  });

  it('leave no trace of an attempt at the signal that lives as long as the process', async () => {
    await put(...[1, 2, 3, 4].map((n) => message(n)));
    receive = (n) => (n === 4 ? refuse(500) : undefined);
    await run();
    // Node keeps signals that were made of this one in a set without a public name.
    const dependants = Object.getOwnPropertySymbols(ending)
      .map((symbol) => (ending as never)[symbol] as { size?: number } | undefined)
      .reduce((sum, value) => sum + (value?.size ?? 0), 0);
    expect([sent, getEventListeners(ending, 'abort').length, dependants]).to.deep.equal([[1, 2, 3, 4], 0, 0]);
  });

  it('set a message aside whose sending ended its worker three times in a row, and go on', async () => {
    await put(message(1), message(2));
    const dies = () => new Promise<void>(() => undefined);
    const begun = async (times: number) => {
      for (let i = 0; i < times; i += 1) {
        const before = sent.length;
        receive = dies;
        void run();
        await waitFor('the sending', () => sent.length > before);
      }
    };
    await begun(2);
    // A process that is stopped in order has not died of the message.
    const stopping = new AbortController();
    ending = stopping.signal;
    receive = () => {
      stopping.abort();
      refuse(undefined);
    };
    expect(await run()).to.equal('RateLimitError');
    ending = new AbortController().signal;
    await begun(1);
    expect(await failed()).to.deep.equal([]);
    receive = () => undefined;
    expect(await run()).to.equal('all sent');
    expect([sent, await waiting()]).to.deep.equal([[1, 1, 1, 1, 2], []]);
    const [record] = await failed();
    expect(record?.error).to.equal('its sending ended the worker 3 times in a row');
    // What was answered meanwhile begins the count again.
    await put(message(3));
    for (let i = 0; i < 5; i += 1) {
      await begun(1);
      receive = () => refuse(503);
      await run();
    }
    expect([(await failed()).length, await waiting()]).to.deep.equal([1, [3]]);
  });

  it('count a message as delivered that some of its receivers refused, and keep which ones', async () => {
    await put(message(1), message(2));
    await redis.lpush(keys.outbox('hook'), message(9, { kind: 'test' }));
    const circuit = () => redis.hmget(keys.circuit('hook'), 'error', 'failures');
    receive = async (n) => {
      if (n === 2) expect(await circuit()).to.deep.equal(['refused you@example.org by ***', '0']);
      if (n === 9) return 'refused you';
      return n === 1 ? `refused you@example.org by ${SECRET}` : undefined;
    };
    expect(await run()).to.equal('all sent');
    expect([sent, await failed(), outcomes]).to.deep.equal([
      [9, 1, 2],
      [],
      ['delivered', 'delivered', 'delivered'],
    ]);
    expect(JSON.parse((await redis.get(keys.test(idOf(9)))) as string)).to.deep.equal({
      ...{ delivered: true, error: 'refused you' },
    });
    expect(await circuit()).to.deep.equal([null, '0']);
  });

  it('drop the messages of a channel that was removed, and those of none that is there again', async () => {
    await put(message(1));
    opened = async () => undefined;
    expect(await run()).to.equal('DelayedError');
    expect(await waiting()).to.deep.equal([1]);
    await redis.hdel(keys.channels, 'hook');
    expect(await run()).to.equal('all sent');
    expect([sent, await waiting()]).to.deep.equal([[], []]);
  });

  it('remove what is no message from an outbox, and go on', async () => {
    await put('{"hits": [null]}', 'x', message(1));
    expect(await run()).to.equal('all sent');
    expect([sent, await waiting()]).to.deep.equal([[1], []]);
  });

  it('count what waits, its age and the channels that pause', async () => {
    await put(message(1, { ageMs: 5000 }), message(2));
    await redis.hset(keys.circuit('hook'), 'until', now + HOUR_MS);
    await redis.hset(keys.channels, 'other', '{}');
    const figures = figuresOf(await new Outbox(redis, PREFIX, 'default').census(), now);
    expect(figures).to.deep.equal({ waiting: 2, failed: 0, oldestMs: 5000, channels: { ok: 1, paused: 1 } });
  });
});

describe('the wait after a failure of a channel', () => {
  const rules = { timeoutMs: 10_000, retryDelayMs: 1000, attempts: 8, maxAgeMs: 86_400_000 };
  const failing = (
    failure: Parameters<typeof afterFailure>[0],
    { failures = 0, tries = 0, attempts = 0 } = {},
  ) => {
    const message = { at: new Date(0).toISOString() } as AlertMessage;
    return afterFailure(failure, { message, failures, tries, attempts }, 1000, rules);
  };
  const silent = { fault: 'channel', status: undefined, retryAfterMs: undefined } as const;
  const seconds = (until: number) => (until - 1000) / 1000;

  it('doubles, and from the fifth failure in a row it is 30 s to 15 min, all up to a fifth longer', () => {
    const expected = [1, 2, 4, 8, 30, 60, 120, 240, 480, 900, 900];
    for (const [failures, wait] of expected.entries())
      expect(seconds(failing(silent, { failures, tries: failures }).until), String(failures)).to.be.within(
        wait,
        1.2 * wait + 0.001,
      );
  });

  it('is what the receiver asks for, at least that after a first failure and at most an hour, and is no failure of the channel', () => {
    const asked = (retryAfterMs: number) =>
      failing({ fault: 'busy', status: 429, retryAfterMs }, { failures: 2, tries: 40, attempts: 3 });
    expect(seconds(asked(7000).until)).to.be.within(7, 8.5);
    expect(seconds(asked(9e9).until)).to.be.within(3600, 4320);
    for (const soon of [0, 40]) expect(seconds(asked(soon).until), String(soon)).to.be.within(1, 1.201);
    expect(asked(7000)).to.include({ failures: 2, attempts: 3, isGivenUp: false });
  });

  it('charges a message only with what the receiver has answered', () => {
    expect(failing(silent, { tries: 30, attempts: 7 })).to.include({ attempts: 7, isGivenUp: false });
    expect(failing({ ...silent, status: 503 }, { tries: 30, attempts: 7 }).isGivenUp).to.equal(false);
    expect(failing({ ...silent, status: 500 }, { attempts: 7 })).to.include({ attempts: 8, isGivenUp: true });
    expect(failing({ ...silent, fault: 'message', status: 400 })).to.include({
      failures: 0,
      isGivenUp: true,
    });
  });
});
