import { expect } from 'chai';
import { Failure } from '../../../src/failures.ts';
import { redisFailure } from '../../../src/redis/failure.ts';

describe('an error of a Redis command', () => {
  const troubles = [
    'Connection is closed.',
    'Command timed out',
    'Socket timeout. Expecting data, but didn’t receive any in 15000ms.',
    'Reached the max retries per request limit (which is 1). Refer to "maxRetriesPerRequest" option for details.',
    "Stream isn't writeable and enableOfflineQueue options is false",
    'connect ECONNREFUSED 127.0.0.1:6379',
    'read ECONNRESET',
    'connect ETIMEDOUT',
    'write EPIPE',
    'getaddrinfo ENOTFOUND queue.internal',
    'getaddrinfo EAI_AGAIN queue.internal',
    'connect EHOSTUNREACH 10.0.0.1:6379',
    "READONLY You can't write against a read only replica.",
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
    'LOADING Redis is loading the dataset in memory',
    "OOM command not allowed when used memory > 'maxmemory'.",
    'MASTERDOWN Link with MASTER is down',
    'CLUSTERDOWN The cluster is down',
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    "NOPERM User worker has no permissions to run the 'eval' command",
  ];
  for (const message of troubles)
    it(`is Redis being unavailable: ${message.slice(0, 50)}`, () => {
      const failure = redisFailure(new Error(message));
      expect(failure?.code).to.equal('redis-unavailable');
      expect(failure?.message).to.match(/^Redis does not serve \(.+\)$/);
    });

  it('is told by its code where it has one', () => {
    const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
    expect(redisFailure(error)?.message).to.equal('Redis does not serve (ECONNREFUSED)');
  });

  it('is somebody else’s where Redis is not to blame', () => {
    for (const error of [
      new Error('WRONGTYPE Operation against a key'),
      new TypeError('x'),
      'text',
      null,
      undefined,
    ])
      expect(redisFailure(error)).to.equal(undefined);
  });

  it('stays the failure that it is already, and no other failure becomes one', () => {
    const failure = new Failure('redis-unavailable', 'gone');
    expect(redisFailure(failure)).to.equal(failure);
    expect(redisFailure(new Failure('ebay-timeout', 'Command timed out'))).to.equal(undefined);
  });
});
