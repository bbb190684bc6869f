import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { ConfigError } from '../../../src/config/config.ts';
import { type AuthProcess, useAuth } from '../../support/auth.ts';
import { useRedis } from '../../support/redis.ts';

const KEY = 'ebay:access_token';
const key = () => randomBytes(32).toString('base64');
const [OLD, NEW] = [`old:${key()}`, `new:${key()}`];
const keys = (...list: string[]) => ({ TOKEN_ENCRYPTION_KEYS: list.join(',') });

describe('the token at rest', () => {
  const redis = useRedis();
  const fleet = useAuth(() => redis.url);
  const value = async (name = KEY) => (await redis.connect().get(name)) as string;
  const header = (jwe: string) =>
    JSON.parse(Buffer.from(jwe.split('.')[0] as string, 'base64url').toString());

  it('is a JWE bound to key, tenant and environment, and no part of the token is readable', async () => {
    const { auth } = await fleet.start(keys(NEW));
    await auth.getAccessToken();
    const jwe = await value();
    expect(header(jwe)).to.deep.equal({
      alg: 'dir',
      enc: 'A256GCM',
      kid: 'new',
      tenant: 'default',
      environment: 'sandbox',
    });
    expect(jwe).to.not.include('token-1');
    expect(Buffer.from(jwe, 'base64').toString('latin1')).to.not.include('token-1');
    const { auth: other } = await fleet.start(keys(NEW));
    expect(await other.getAccessToken()).to.equal('token-1');
    expect(await other.status()).to.include({ source: 'redis', encrypted: true });
  });

  it('a rotated key: the new one writes, the old one reads while it is listed, then it costs one mint', async () => {
    const old = await fleet.start(keys(OLD));
    await old.auth.getAccessToken();
    const both = await fleet.start(keys(NEW, OLD));
    expect(await both.auth.getAccessToken()).to.equal('token-1');
    const only = await fleet.start(keys(NEW));
    expect(await only.auth.getAccessToken()).to.equal('token-2');
    expect(header(await value()).kid).to.equal('new');
    expect(await both.auth.getAccessToken()).to.equal('token-2');
    expect(fleet.endpoint.calls).to.have.length(2);
    const misses = await only.registry.getSingleMetricAsString('dpf_token_cache_misses_total');
    expect(misses).to.include('reason="undecryptable"} 1');
  });

  for (const [what, spoil] of [
    ['cut short', (jwe: string) => jwe.slice(0, -12)],
    [
      'with a flipped bit',
      (jwe: string) => jwe.replace(/\.(.)([^.]*)$/, (_, c, rest) => `.${c === 'A' ? 'B' : 'A'}${rest}`),
    ],
    [
      'with its header rewritten',
      (jwe: string) => {
        const bent = Buffer.from(JSON.stringify({ ...header(jwe), zip: undefined, extra: 1 }));
        return jwe.replace(/^[^.]+/, bent.toString('base64url'));
      },
    ],
  ] as const)
    it(`a ciphertext ${what} is a miss, counted, never a crash`, async () => {
      const { auth, registry } = await fleet.start(keys(NEW));
      await auth.getAccessToken();
      await redis.connect().set(KEY, spoil(await value()));
      expect(await auth.getAccessToken()).to.equal('token-2');
      const misses = await registry.getSingleMetricAsString('dpf_token_cache_misses_total');
      expect(misses).to.include('reason="undecryptable"} 1');
    });

  it('a ciphertext of another tenant or environment never opens', async () => {
    const { auth } = await fleet.start(keys(NEW));
    await auth.getAccessToken();
    const own = await value();
    const acme = await fleet.start(keys(NEW), { tenant: 'acme' });
    await redis.connect().set(`${KEY}:acme`, own);
    expect(await acme.auth.getAccessToken()).to.equal('token-2');
    const production = await fleet.start({ ...keys(NEW), EBAY_ENVIRONMENT: 'production' });
    expect(await production.auth.getAccessToken()).to.equal('token-3');
  });

  const warnings = ({ log }: AuthProcess) =>
    log.flatMap(({ level, message, fields }) =>
      level === 'warn' && message === 'token in Redis not used' ? [fields.reason] : [],
    );
  const plainToken = (fields: object = {}) =>
    JSON.stringify({
      ...{ access_token: 'theirs', expires_in: 7200, token_type: 'Bearer' },
      stored_at: new Date(Date.now() - 10_000).toISOString(),
      ...fields,
    });

  it('a token in the clear is a miss for a process with keys: it is replaced by a sealed one, which is said once', async () => {
    for (const planted of [plainToken(), plainToken({ environment: 'sandbox' })]) {
      await redis.connect().set(KEY, planted);
      const process = await fleet.start(keys(NEW));
      const { auth, registry } = process;
      expect(await auth.cachedToken()).to.equal(undefined);
      expect(await auth.retrieveToken()).to.equal(null);
      expect(await auth.status()).to.include({ source: 'none', miss: 'unsealed' });
      const minted = await auth.getAccessToken();
      expect(minted).to.match(/^token-/);
      expect(header(await value()).kid).to.equal('new');
      expect(await auth.getAccessToken()).to.equal(minted);
      expect(warnings(process)).to.deep.equal(['unsealed']);
      const misses = await registry.getSingleMetricAsString('dpf_token_cache_misses_total');
      expect(misses).to.match(/reason="unsealed"\} [1-9]/);
    }
    expect(fleet.endpoint.calls).to.have.length(2);
  });

  it('a process that has a token puts its own back in place of one in the clear, without a token request', async () => {
    const process = await fleet.start(keys(NEW));
    expect(await process.auth.getAccessToken()).to.equal('token-1');
    await redis.connect().set(KEY, plainToken());
    expect(await process.auth.getAccessToken()).to.equal('token-1');
    expect(header(await value()).kid).to.equal('new');
    expect(await redis.connect().pttl(KEY)).to.be.within(3_290_000, 3_300_000);
    const { auth: other } = await fleet.start(keys(NEW));
    expect(await other.getAccessToken()).to.equal('token-1');
    expect(fleet.endpoint.calls).to.have.length(1);
    // It was refused: then the copy is useless too.
    await redis.connect().set(KEY, plainToken());
    expect(await process.auth.refreshToken('token-1')).to.equal('token-2');
    expect(header(await value()).kid).to.equal('new');
    expect(warnings(process)).to.deep.equal(['unsealed']);
  });

  it('processes with and without keys do not take the token from each other by one request after another', async () => {
    const plain = await fleet.start();
    const sealing = [await fleet.start(keys(NEW)), await fleet.start(keys(NEW))];
    for (let round = 0; round < 20; round += 1)
      for (const { auth } of [plain, ...sealing]) await auth.getAccessToken();
    expect(fleet.endpoint.calls.length).to.be.at.most(6);
    expect(warnings(plain)).to.deep.equal(['sealed']);
    for (const each of sealing) expect(warnings(each)).to.deep.equal(['unsealed']);
  });

  it('says once that no key opens a value, and why a process without keys cannot use it', async () => {
    await (await fleet.start(keys(OLD))).auth.getAccessToken();
    const sealed = await value();
    const without = await fleet.start();
    const rotated = await fleet.start(keys(NEW));
    for (const { auth } of [without, rotated])
      for (let n = 0; n < 3; n += 1) {
        await redis.connect().set(KEY, sealed);
        await auth.cachedToken();
      }
    expect(warnings(without)).to.deep.equal(['sealed']);
    expect(warnings(rotated)).to.deep.equal(['undecryptable']);
  });

  it('a process without keys takes a sealed value for a miss', async () => {
    const plain = await fleet.start();
    await plain.auth.getAccessToken();
    const sealed = await fleet.start(keys(NEW));
    expect(await sealed.auth.getAccessToken()).to.equal('token-2');
    expect(await plain.auth.getAccessToken()).to.equal('token-3');
  });

  it('keys that cannot work are refused at once, named by their place and not shown', () => {
    const short = randomBytes(16).toString('base64');
    let error: unknown;
    try {
      fleet.startAlone(keys(NEW, `b:${short}`, 'nonsense', `new:${key()}`));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).to.be.instanceOf(ConfigError);
    const { problems, message } = error as ConfigError;
    expect(problems.map(({ name }) => name)).to.deep.equal(
      [1, 2, 3].map((place) => `TOKEN_ENCRYPTION_KEYS[${place}]`),
    );
    expect(message).to.include('holds 16 bytes').and.to.not.include(short);
  });
});
