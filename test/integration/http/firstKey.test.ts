import { expect } from 'chai';
import { ApiKeys } from '../../../src/http/auth/apiKeys.ts';
import { useRedis } from '../../support/redis.ts';

const WANTED = { name: 'first', tenant: 'default', roles: ['read'], expiresAt: null } as const;

describe('a first API key', () => {
  const redis = useRedis();
  const open = () => new ApiKeys(redis.connect(), '{t}');

  it('is one, however many processes make it at once, and theirs alone whose key was stored', async () => {
    const processes = Array.from({ length: 8 }, open);
    const made = await Promise.all(
      processes.map(async (keys) => {
        const prepared = await keys.prepare(WANTED);
        return { prepared, isFirst: await keys.addFirst(prepared) };
      }),
    );
    const first = made.filter(({ isFirst }) => isFirst).map(({ prepared }) => prepared.record.id);
    expect((await open().list()).map(({ id }) => id)).to.deep.equal(first);
    expect(first).to.have.length(1);
  });

  it('stays the process’s own where Redis’s answer was lost and the command is sent again', async () => {
    const keys = open();
    const prepared = await keys.prepare(WANTED);
    expect(await keys.addFirst(prepared)).to.equal(true);
    expect(await keys.addFirst(prepared)).to.equal(true);
    expect(await keys.list()).to.have.length(1);
  });

  it('is not made beside a key that has expired', async () => {
    const keys = open();
    await keys.add({ ...WANTED, expiresAt: 1 });
    expect(await keys.addFirst(await keys.prepare(WANTED))).to.equal(false);
    expect(await keys.list()).to.have.length(1);
  });
});
