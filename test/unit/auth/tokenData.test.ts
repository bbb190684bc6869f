import { expect } from 'chai';
import fc from 'fast-check';
import {
  asTokenData,
  belongsTo,
  cacheMs,
  digest,
  isValidAt,
  tokenOwner,
  usableSeconds,
} from '../../../src/ebay/oauth/cache.ts';
import { testConfig } from '../../support/config.ts';

const { token } = testConfig();
const data = { access_token: 'x', expires_in: 7200, token_type: 'Bearer', stored_at: '2026-03-01T12:00:00Z' };
const stored = Date.parse(data.stored_at);

describe('token data', () => {
  it('are cached for min(3300, expires_in − 300) seconds', () => {
    for (const [life, seconds] of [
      [7200, 3300],
      [3600, 3300],
      [3000, 2700],
      [1000, 700],
      [600, 300],
    ] as const)
      expect(cacheMs(life, token), `${life}`).to.equal(seconds * 1000);
  });

  it('of a short-lived token give up a fifth of the life instead of a buffer that would eat it', () => {
    expect(usableSeconds(310, 300)).to.equal(248);
    expect(usableSeconds(60, 300)).to.equal(48);
  });

  it('are never used beyond the life of the token, nor is the buffer larger than configured', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 86_400, noNaN: true }), (life) => {
        const usable = usableSeconds(life, 300);
        expect(usable).to.be.above(0);
        expect(usable).to.be.below(life);
        expect(life - usable).to.be.at.most(300.000001);
      }),
    );
  });

  it('are valid from a little before stored_at until five minutes before the end', () => {
    const valid = (age: number) => isValidAt(data, stored + age * 1000, 300);
    expect([-301, -299, 0, 6899, 6900, 9000].map(valid)).to.deep.equal([
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(isValidAt({ ...data, stored_at: 'never' }, stored, 300)).to.equal(false);
  });

  it('belong to nobody else when environment, credential or scopes differ, in whatever order the scopes stand', () => {
    const ebay = { EBAY_CLIENT_ID: 'one', EBAY_SCOPES: 'https://a.example/y https://a.example/x' };
    const owner = tokenOwner(testConfig(ebay));
    expect(owner.scopes).to.equal('https://a.example/x https://a.example/y');
    expect(belongsTo({ ...data, ...owner }, owner)).to.equal(true);
    expect(belongsTo(data, owner)).to.equal(true);
    for (const field of ['environment', 'credential', 'scopes'])
      expect(belongsTo({ ...data, ...owner, [field]: 'other' }, owner), field).to.equal(false);
    expect(owner.credential).to.equal(digest('one')).and.to.not.include('one');
  });

  it('are read from any JSON value without a crash', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const read = asTokenData(value);
        if (read !== undefined) expect(read.expires_in).to.be.above(0);
      }),
    );
    expect(asTokenData({ ...data, extra: 1 })).to.deep.equal(data);
    expect(asTokenData({ ...data, expires_in: '7200' })).to.equal(undefined);
  });
});
