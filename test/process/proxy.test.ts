import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { Finding } from '../../src/telemetry/finding.ts';
import { type Authority, makeAuthority } from '../support/certificates.ts';
import { type HttpProxy, startHttpProxy } from '../support/httpProxy.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

const PASSWORD = 'c4n4ry-p@ss/word';

describe('eBay over TLS', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { dpf } = useProcesses();
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
  });
  after(() => authority.remove());
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
    const doctor = dpf(['doctor', '--json'], {
      ...serviceEnv(redis.url, origin()),
      NODE_EXTRA_CA_CERTS: authority.ca,
      LOG_LEVEL: 'debug',
      ...env,
    });
    await doctor.exit();
    const { findings } = JSON.parse(doctor.stdout) as { findings: Finding[] };
    const about = (check: string) => findings.find((finding) => finding.check === check);
    return { about, output: doctor.output };
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
    const { about } = await examined({ NODE_EXTRA_CA_CERTS: '' });
    expect(about('ebay')?.message).to.match(/no connection to eBay \((UNABLE_TO|SELF_SIGNED)/);
  });

  it('refused by the proxy is named, and not the password', async () => {
    const [proxy] = proxies as [HttpProxy];
    proxy.status = 407;
    const { about, output } = await examined({
      EBAY_PROXY_URL: `http://finder:${encodeURIComponent(PASSWORD)}@127.0.0.1:${proxy.port}`,
    });
    for (const check of ['ebay', 'credentials'])
      expect(about(check)?.message).to.include(
        `the proxy 127.0.0.1:${proxy.port} answered 407: check user and password in EBAY_PROXY_URL`,
      );
    expect(output).to.not.include(PASSWORD).and.not.include(encodeURIComponent(PASSWORD));
  });
});
