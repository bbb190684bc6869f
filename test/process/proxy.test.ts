import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { examine } from '../../src/app/doctor.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { Finding } from '../../src/telemetry/finding.ts';
import { type Authority, makeAuthority } from '../support/certificates.ts';
import { testConfig } from '../support/config.ts';
import { type HttpProxy, startHttpProxy } from '../support/httpProxy.ts';
import { builtProgram } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

const COMMANDS = fileURLToPath(new URL('../support/manyCommands.js', import.meta.url));
const PASSWORD = 'c4n4ry-p@ss/word';

describe('eBay over TLS', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  /** Runs one command after another: Node reads the authorities that it trusts once, at the start of a process. */
  let trusting: ChildProcess;
  let authority: Authority;
  let tls: { key: string; cert: string };
  let front: Server;
  let proxies: HttpProxy[];
  /** The simulator behind TLS, as the name in its certificate. */
  const origin = () => `https://localhost:${(front.address() as AddressInfo).port}`;
  const names: (string | false | null)[] = [];
  before(async () => {
    authority = await makeAuthority();
    const paths = await authority.sign('front', 'DNS:localhost,IP:127.0.0.1');
    tls = { key: readFileSync(paths.key, 'utf8'), cert: readFileSync(paths.cert, 'utf8') };
    builtProgram();
    trusting = fork(COMMANDS, {
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: authority.ca },
      execArgv: [],
    });
  });
  after(async () => {
    trusting.kill();
    await once(trusting, 'exit');
    await authority?.remove();
  });
  beforeEach(async () => {
    names.splice(0);
    front = createServer(tls, (client: TLSSocket) => {
      names.push(client.servername);
      const behind = connect(Number(new URL(simulator().url).port), '127.0.0.1');
      client.on('error', () => behind.destroy()).pipe(behind);
      behind.on('error', () => client.destroy()).pipe(client);
    });
    front.listen(0);
    await once(front, 'listening');
    proxies = [await startHttpProxy(), await startHttpProxy(tls)];
  });
  afterEach(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    front.close();
  });
  const examined = async (env: Record<string, string> = {}) => {
    const settings = { ...serviceEnv(redis.url, origin()), LOG_LEVEL: 'debug', ...env };
    trusting.send({ args: ['doctor', '--json'], env: settings });
    const [{ stdout, stderr }] = (await once(trusting, 'message')) as [{ stdout: string; stderr: string }];
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    const about = (check: string) => findings.find((finding) => finding.check === check);
    return { about, output: stdout + stderr };
  };

  it('is reached directly, whatever proxy the environment names; the doctor says so', async () => {
    const { about } = await examined({ HTTPS_PROXY: `http://127.0.0.1:${proxies[0]?.port}` });
    expect(['credentials', 'ebay', 'search'].map((check) => about(check)?.state)).to.deep.equal([
      'ok',
      'ok',
      'ok',
    ]);
    expect(new Set(names)).to.deep.equal(new Set(['localhost']));
    expect(about('proxy')?.message).to.equal(
      'the environment names a proxy (HTTPS_PROXY), but requests to eBay do not use it',
    );
    expect(proxies.map(({ targets }) => targets)).to.deep.equal([[], []]);
  });

  for (const [index, scheme] of ['http', 'https'].entries())
    it(`is reached through an ${scheme} proxy alone: token, quota, search and the look at the clock`, async () => {
      const proxy = proxies[index] as HttpProxy;
      const { host } = new URL(origin());
      const { about, output } = await examined({
        EBAY_PROXY_URL: `${scheme}://finder:${encodeURIComponent(PASSWORD)}@localhost:${proxy.port}`,
      });
      expect(['credentials', 'search'].map((check) => about(check)?.state)).to.deep.equal(['ok', 'ok']);
      expect(about('ebay')?.message).to.equal(`${host} answers through the proxy localhost:${proxy.port}`);
      expect(about('quota')?.message).to.include('by eBay’s own count');
      expect(new Set(proxy.targets)).to.deep.equal(new Set([host]));
      // Every connection that eBay saw came through the proxy, by its own name.
      expect(names).to.deep.equal(proxy.targets.map(() => 'localhost'));
      const basic = Buffer.from(`finder:${PASSWORD}`).toString('base64');
      expect(new Set(proxy.authorizations)).to.deep.equal(new Set([`Basic ${basic}`]));
      for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), basic])
        expect(output).to.not.include(secret);
    });

  it('is not trusted with another name than its certificate holds, through a proxy neither', async () => {
    const port = (front.address() as AddressInfo).port;
    const { about } = await examined({
      EBAY_API_URL: `https://ebay.test:${port}`,
      EBAY_PROXY_URL: `http://127.0.0.1:${proxies[0]?.port}`,
    });
    expect(about('ebay')?.message).to.equal(
      `ebay.test:${port}: no connection to eBay (ERR_TLS_CERT_ALTNAME_INVALID)`,
    );
  });

  it('is not trusted with a certificate of an authority that Node does not know', async () => {
    // This process was not told of it.
    const config = testConfig(serviceEnv(redis.url, origin()));
    const findings: Finding[] = [];
    for await (const finding of examine(config, { log: quietLog() })) findings.push(finding);
    expect(findings.find(({ check }) => check === 'ebay')?.message).to.match(
      /no connection to eBay \((UNABLE_TO|SELF_SIGNED)/,
    );
  });
});
