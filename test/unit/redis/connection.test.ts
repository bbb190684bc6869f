import { expect } from 'chai';
import sinon from 'sinon';
import { connectionErrorLog, redisOptions } from '../../../src/redis/connection.ts';
import type { Fields, Logger } from '../../../src/telemetry/logger.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';

describe('a Redis connection', () => {
  it('of a caller fails at once, and one of a worker waits as long as it takes', () => {
    const { redis } = testConfig({ REDIS_COMMAND_TIMEOUT: '0.5', REDIS_SOCKET_TIMEOUT: '7' });
    expect(redisOptions(redis, 'caller')).to.include({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: 500,
    });
    expect(redisOptions(redis, 'worker')).to.include({ maxRetriesPerRequest: null, socketTimeout: 7000 });
    expect(redisOptions(redis, 'worker')).not.to.have.property('commandTimeout');
  });

  it('reconnects without end, with a delay that grows to a second', () => {
    const { retryStrategy } = redisOptions(testConfig().redis, 'worker');
    const waits = [1, 2, 10, 100, 1e6].map((times) => retryStrategy?.(times));
    expect(waits).to.deep.equal([50, 100, 500, 1000, 1000]);
  });

  it('reconnects when the server became a replica or cannot write its file', () => {
    const { reconnectOnError } = redisOptions(testConfig().redis, 'worker');
    expect(reconnectOnError?.(new Error("READONLY You can't write"))).to.equal(true);
    expect(reconnectOnError?.(new Error('MISCONF Redis is configured'))).to.equal(true);
    expect(reconnectOnError?.(new Error('WRONGTYPE Operation'))).to.equal(false);
  });
});

describe('the log of a lost connection', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => clock.restore());

  it('has at most one line a second, which names host and cause, counts the rest and shows no password', () => {
    const entries: Fields[] = [];
    const log: Logger = { ...NOOP_LOGGER, error: (message, fields) => entries.push({ message, ...fields }) };
    const handle = connectionErrorLog(log, 'redis://user:c4n4ry@queue.internal/0');
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    for (let i = 0; i < 1000; i++) handle(refused);
    clock.tick(999);
    handle(refused);
    expect(entries).to.have.length(1);
    clock.tick(1);
    handle(new Error('LOADING Redis is loading'));
    const line = { message: 'Redis connection failed', redis: 'queue.internal:6379' };
    expect(entries).to.deep.equal([
      { ...line, cause: 'ECONNREFUSED', suppressed: 0 },
      { ...line, cause: 'LOADING Redis is loading', suppressed: 1000 },
    ]);
  });
});
