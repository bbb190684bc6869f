import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { readEncryptionKeys } from '../../../src/config/checks.ts';

describe('TOKEN_ENCRYPTION_KEYS', () => {
  const secret = randomBytes(32);

  it('are `kid:base64` separated by commas, in either alphabet, the first one first', () => {
    const { keys, problems } = readEncryptionKeys(
      `2026-03:${secret.toString('base64')}, old.1:${randomBytes(32).toString('base64url')}`,
    );
    expect(problems).to.deep.equal([]);
    expect(keys.map(({ kid }) => kid)).to.deep.equal(['2026-03', 'old.1']);
    expect(Buffer.from(keys[0]?.secret as Uint8Array).equals(secret)).to.equal(true);
  });

  it('empty means none', () => {
    expect(readEncryptionKeys('')).to.deep.equal({ keys: [], problems: [] });
  });

  it('name each wrong entry by its place and show none of it', () => {
    const short = randomBytes(31).toString('base64');
    const { problems } = readEncryptionKeys(
      `a:${secret.toString('base64')},b:${short},:x,a:${secret.toString('base64')},`,
    );
    expect(problems.map(({ name }) => name)).to.deep.equal(
      [1, 2, 3, 4].map((n) => `TOKEN_ENCRYPTION_KEYS[${n}]`),
    );
    expect(problems.map(({ message }) => message).join())
      .to.include('31 bytes')
      .and.to.not.include(short);
  });
});
