import { expect } from 'chai';
import { failureOf, useAuth } from '../../support/auth.ts';
import { inRedis } from '../../support/gates.ts';
import { useRedis } from '../../support/redis.ts';

/** Release 0.1 shares these hashes with this one during an upgrade, and has the reason in the field `because`. */
describe('the reason for which all processes stop calling', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const makeGate = inRedis(() => redis.connect());

  it('is read from a gate that a worker of 0.1 closed, and written where such a worker reads it', async () => {
    const connection = redis.connect();
    const gate = makeGate();
    await connection.hset('{t}:gate:default', 'until', Date.now() + 60_000, 'because', 'circuit');
    const failure = await failureOf(gate.check('interactive'));
    expect(failure.detail.reason).to.equal('circuit');
    await gate.close(3_600_000, 'pause');
    expect(await connection.hget('{t}:gate:default', 'because')).to.equal('pause');
  });

  it('is read from a pause of the token endpoint that a worker of 0.1 began, and written where it reads it', async () => {
    const connection = redis.connect();
    fleet.endpoint.respond = (call) => call.answer(401, { error: 'invalid_client' });
    await failureOf((await fleet.start()).auth.getAccessToken());
    const [pause = ''] = await connection.keys('{ebay:access_token}:pause:*');
    const { reason, ...written } = await connection.hgetall(pause);
    expect([reason, written.because]).to.deep.equal([undefined, 'invalid_client']);

    const failure = await failureOf((await fleet.start()).auth.getAccessToken());
    expect(failure).to.include({ code: 'credential-refused' });
    expect(failure.detail.reason).to.equal('invalid_client');
    expect(fleet.endpoint.calls).to.have.length(1);
  });
});
