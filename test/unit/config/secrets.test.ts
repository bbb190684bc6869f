import { expect } from 'chai';
import { redisAddress } from '../../../src/redis/connection.ts';
import { testConfig } from '../../support/config.ts';
import { linesOf } from './problems.ts';

const CANARY = 'c4n4ry';

describe('a secret in a wrong configuration', () => {
  const redisUrls = [
    `http://:${CANARY}@localhost:6379`,
    `redis://:${CANARY}/x@localhost:6379`,
    `redis://:${CANARY}#x@localhost:6379`,
    `redis://user:1/${CANARY}@localhost`,
    `redis://localhost:6379/0?password=${CANARY}@x`,
    `localhost:6379,password=${CANARY}`,
    `redis://:${CANARY}@`,
    `/run/redis-${CANARY}.sock`,
  ];
  for (const url of redisUrls)
    it(`is not in the message about REDIS_URL ${url.replace(CANARY, '…')}`, () => {
      const lines = linesOf({ env: { REDIS_URL: url } });
      expect(lines).to.have.length(1);
      expect(lines[0])
        .to.match(/^REDIS_URL holds something else, but must be a URL such as redis:\/\/localhost:6379\/0/)
        .and.not.include(CANARY);
    });

  it('is not shown where a Redis with an odd but readable password is named', () => {
    const { url } = testConfig({ REDIS_URL: `redis://:p@${CANARY}@queue.internal:7000/2` }).redis;
    expect(redisAddress(url)).to.equal('queue.internal:7000');
  });

  it('is not in the message about a URL that must not hold one', () => {
    const lines = linesOf({ env: { EBAY_TOKEN_URL: `https://app:${CANARY}@proxy/token` } });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include('https://***@proxy/token').and.not.include(CANARY);
  });

  it('is not in the message about an encryption key, which tells its place and length', () => {
    const short = Buffer.from(CANARY.repeat(2)).toString('base64');
    const good = Buffer.alloc(32, 7).toString('base64');
    const lines = linesOf({
      env: { TOKEN_ENCRYPTION_KEYS: `new:${short},old:${good},old:${good},${CANARY}` },
    });
    expect(lines.join('\n'))
      .to.match(/^TOKEN_ENCRYPTION_KEYS\[0\] holds 12 bytes, but must hold 32/)
      .and.include('TOKEN_ENCRYPTION_KEYS[2] repeats the kid old')
      .and.include('TOKEN_ENCRYPTION_KEYS[3] must be')
      .and.not.include(short)
      .and.not.include(CANARY);
  });
});
