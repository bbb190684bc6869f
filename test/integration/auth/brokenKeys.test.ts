import { expect } from 'chai';
import { tokenKeys } from '../../../src/ebay/oauth/cache.ts';
import { pacificDay } from '../../../src/ebay/pacificDay.ts';
import { useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';

/** A hash in which no field of ours means anything. */
const NONSENSE = ['until', 'issued', 'stored', 'streak', 'failures', 'proven', 'last'].flatMap((field) => [
  field,
  'nonsense',
]);

describe('keys of the token that another program has written', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const keys = () => {
    const { mints, ...others } = tokenKeys('default', fleet.config());
    return { ...others, mints: mints(pacificDay(Date.now())) };
  };
  const plants: Record<string, (key: string) => Promise<unknown>> = {
    'a text': (key) => redis.connect().set(key, 'nonsense'),
    'a hash': (key) => redis.connect().hset(key, ...NONSENSE),
    'a list': (key) => redis.connect().rpush(key, 'nonsense'),
  };

  for (const name of ['value', 'lock', 'fence', 'interval', 'pause', 'refused', 'mints'] as const)
    for (const [what, plant] of Object.entries(plants))
      it(`do not keep the fleet from its token: ${what} as ${name}`, async () => {
        await redis.connect().del(keys()[name]);
        await plant(keys()[name]);
        const { auth } = await fleet.start();
        expect((await auth.status()).source).to.equal('none');
        expect(await auth.getAccessToken()).to.equal('token-1');
        expect(await (await fleet.start()).auth.getAccessToken()).to.equal('token-1');
        auth.accepted('token-1');
        await redis.connect().del(keys()[name]);
        await plant(keys()[name]);
        expect(await auth.refreshToken('token-1')).to.equal('token-2');
        expect(await (await fleet.start()).auth.getAccessToken()).to.equal('token-2');
        expect(fleet.endpoint.calls).to.have.length(2);
        expect(await auth.status()).to.include({ source: 'redis', coolDown: null });
      });

  for (const [what, until] of [
    ['a time that is none', '1e16'],
    ['less than nothing', '-1'],
    ['no number', 'nan'],
    ['more than all', 'inf'],
  ] as const)
    it(`do not pause the fleet: until ${what}`, async () => {
      const admin = redis.connect();
      await admin.hset(keys().pause, 'until', until, 'reason', 'x', 'failures', until);
      await admin.set(keys().mints, until);
      await admin.hset(keys().fence, 'issued', until, 'stored', until);
      const { auth } = await fleet.start();
      expect(await auth.getAccessToken()).to.equal('token-1');
      expect(await auth.status()).to.include({ source: 'redis', mintsToday: 1, coolDown: null });
    });

  it('are healed after a failed request too, and the next failure counts', async () => {
    fleet.endpoint.respond = (call) => call.answer(500, { error: 'server_error' });
    await redis.connect().hset(keys().pause, 'failures', 'nonsense');
    const { auth } = await fleet.start({ TOKEN_FAILURE_BACKOFF: '60' });
    const error = await auth.getAccessToken().catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'token-unavailable' });
    expect(await redis.connect().hget(keys().pause, 'failures')).to.equal('1');
  });
});
