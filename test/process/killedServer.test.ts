import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { useHttpService } from '../support/httpService.ts';
import { useProcesses } from '../support/processes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcpProxy.ts';
import { waitFor } from '../support/waitFor.ts';

describe('a server that is killed between putting a search in and answering', function () {
  this.timeout(60_000);
  const other = useHttpService();
  const { dpf } = useProcesses();
  let proxy: TcpProxy;
  beforeEach(async () => {
    proxy = await startTcpProxy(other.redis.options.port as number);
  });
  afterEach(() => proxy.close());

  it('has put in the one search that another server tells of when the client repeats itself', async () => {
    const search = { query: 'mug' };
    const headers = { authorization: `Bearer ${await other.key()}`, 'idempotency-key': 'once' };
    const server = dpf(['serve'], { REDIS_URL: `redis://127.0.0.1:${proxy.port}/0`, HTTP_PORT: '0' });
    const [, url = ''] = await server.waitForLine(/"serving".*"url":"([^"]+)"/);
    // The counter of BullMQ that putting in a job alone takes along: it is put in, and the server does not learn of it.
    proxy.keepAnswersAfter = '{ebay}:ebay-search:pc';
    const unanswered = fetch(`${url}/v1/searches`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(search),
    }).then(
      ({ status }) => status,
      () => 0,
    );
    const waiting = () => other.redis.zrange('{ebay}:ebay-search:prioritized', '0', '-1');
    await waitFor('the search', async () => (await waiting()).length > 0);
    server.signal('SIGKILL');
    await server.exit();
    expect(await unanswered).to.not.equal(202);

    const repeat = () => other.call('POST', '/v1/searches', search, headers);
    let answer = await repeat();
    for (let n = 0; n < 20 && answer.status === 409; n++) {
      await sleep(1000 * Number(answer.headers.get('retry-after')));
      answer = await repeat();
    }
    expect(answer.status, answer.text).to.equal(202);
    expect(await waiting()).to.deep.equal([answer.json.searchId]);
  });
});
