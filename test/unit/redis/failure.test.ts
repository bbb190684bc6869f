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
    'NOREPLICAS Not enough good replicas to write.',
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
    'ERR max number of clients reached',
  ];
  for (const message of troubles)
    it(`is Redis being unavailable: ${message.slice(0, 50)}`, () => {
      const failure = redisFailure(new Error(message));
      expect(failure?.code).to.equal('redis-unavailable');
      expect(failure?.message).to.match(/^Redis does not serve \(.+\)/);
    });

  for (const [message, says] of [
    ["OOM command not allowed when used memory > 'maxmemory'. script: 1f", /OOM command.*raise maxmemory/],
    ['MISCONF Errors writing to the AOF file: No space left on device', /MISCONF.*disk/],
    ["READONLY You can't write against a read only replica. script: 1f", /READONLY.*replica.*REDIS_URL/],
    ['NOREPLICAS Not enough good replicas to write.', /NOREPLICAS.*min-replicas-to-write/],
    [
      'WRONGTYPE Operation against a key holding the wrong kind of value',
      /WRONGTYPE.*one of this service’s keys.*queue.*delete any other/,
    ],
  ] as const)
    it(`says what to do where Redis refuses writes alone, also within a transaction: ${message}`, () => {
      const transaction = Object.assign(
        new Error('EXECABORT Transaction discarded because of previous errors.'),
        { previousErrors: [new Error(message)] },
      );
      for (const error of [new Error(message), transaction]) {
        const failure = redisFailure(error);
        expect(failure?.message).to.match(says);
        expect(failure?.message.endsWith(`: ${failure.detail.remedy}`)).to.equal(true);
      }
    });

  it('is not Redis being unavailable where a transaction was discarded for another reason', () => {
    const error = new Error('EXECABORT Transaction discarded because of previous errors.');
    expect(redisFailure(error)).to.equal(undefined);
    const wrong = Object.assign(error, { previousErrors: [new Error('ERR unknown command')] });
    expect(redisFailure(wrong)).to.equal(undefined);
  });

  it('is told by its code where it has one', () => {
    const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
    expect(redisFailure(error)?.message).to.equal('Redis does not serve (ECONNREFUSED)');
  });

  it('is somebody else’s where Redis is not to blame', () => {
    for (const error of [new Error('ERR syntax error'), new TypeError('x'), 'text', null, undefined])
      expect(redisFailure(error)).to.equal(undefined);
  });

  it('stays the failure that it is already, and no other failure becomes one', () => {
    const failure = new Failure('redis-unavailable', 'gone');
    expect(redisFailure(failure)).to.equal(failure);
    expect(redisFailure(new Failure('ebay-timeout', 'Command timed out'))).to.equal(undefined);
  });
});
