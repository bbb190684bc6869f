import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import sinon from 'sinon';
import { type ServeApp, startServeApp } from '../../../src/app/serve.ts';
import { Failure } from '../../../src/failures.ts';
import { FleetConfig } from '../../../src/fleet/fleetConfig.ts';
import { ApiKeys, ROLES } from '../../../src/http/auth/apiKeys.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';

const WANTED = { name: 'shop', tenant: 'default', roles: ROLES };
const GONE = () => new Failure('redis-unavailable', 'Redis does not serve (ECONNRESET)');

describe('a start that is asked for a first API key', () => {
  const redis = useRedis();
  const keys = () => new ApiKeys(redis.connect(), '{ebay}');
  let printed: string[];
  let logged: string;
  let app: ServeApp | undefined;
  beforeEach(() => {
    printed = [];
    logged = '';
  });
  afterEach(async () => {
    sinon.restore();
    await app?.stop();
    app = undefined;
  });

  async function start({ asked = true } = {}): Promise<void> {
    const sink = new PassThrough().setEncoding('utf8');
    sink.on('data', (text: string) => {
      logged += text;
    });
    const config = testConfig({ REDIS_URL: redis.url, HTTP_PORT: '0' });
    const logs = new LogRoot({ level: 'info', levels: '', format: 'json' }, sink);
    app = await startServeApp(config, logs, asked ? { firstKey: (key) => printed.push(key) } : {});
  }

  /** One key was printed, it is the only one that is stored, and it works. */
  async function expectPrintedOnce(): Promise<void> {
    expect(printed).to.have.length(1);
    expect(await keys().list()).to.have.length(1);
    const headers = { authorization: `Bearer ${printed[0]}` };
    expect((await fetch(`${app?.url}/v1/searches/unknown`, { headers })).status).to.equal(404);
    expect(logged).to.contain('first API key made and printed').and.not.contain('API key, so');
  }

  it('and that fails stores none, so that the next one prints it', async () => {
    const failing = sinon.stub(FleetConfig.prototype, 'start').rejects(new Error('refused'));
    const error = await start().catch((thrown: unknown) => thrown);
    expect(error).to.be.an('error').with.property('message', 'refused');
    expect(await keys().list()).to.deep.equal([]);
    failing.restore();
    await start();
    await expectPrintedOnce();
  });

  it('prints one where Redis goes away before it is stored', async () => {
    const { start: begin } = FleetConfig.prototype;
    const beginning = sinon.stub(FleetConfig.prototype, 'start').callsFake(function (this: FleetConfig) {
      return beginning.callCount === 1 ? Promise.reject(GONE()) : begin.call(this);
    });
    await start();
    expect(beginning.callCount).to.equal(2);
    await expectPrintedOnce();
  });

  it('prints the one that Redis stored whose answer was lost', async () => {
    const { addFirst } = ApiKeys.prototype;
    const adding = sinon.stub(ApiKeys.prototype, 'addFirst').callsFake(async function (this: ApiKeys, key) {
      const isFirst = await addFirst.call(this, key);
      if (adding.callCount === 1) throw GONE();
      return isFirst;
    });
    await start();
    expect(adding.callCount).to.equal(2);
    await expectPrintedOnce();
  });

  it('makes none beside an expired one, and no line of the log recommends to ask for it', async () => {
    await keys().add({ ...WANTED, expiresAt: 1 });
    await start();
    expect(printed).to.deep.equal([]);
    expect(logged)
      .to.match(/every API key has expired.*dpf keys add NAME/)
      .and.not.contain('--first-key');
  });

  it('is recommended where there is no key', async () => {
    await start({ asked: false });
    expect(logged).to.match(/there is no API key.*--first-key/);
  });
});
