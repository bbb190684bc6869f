import { expect } from 'chai';
import { packageVersion } from '../../../src/config/config.ts';
import { useHttpService } from '../../support/httpService.ts';

describe('the metrics of the HTTP server', () => {
  const service = useHttpService({ EBAY_CLIENT_SECRET: 'hush-hush-cert-id', BACKLOG_LIMIT: '3' });

  it('count requests by route and status, never by query or id', async () => {
    await service.call('GET', '/v1/searches/s_secretive?wait=1');
    await service.call('GET', '/nowhere/hush-hush');
    await service.call('POST', '/v1/searches', { query: '' });
    const { status, text, headers } = await service.call('GET', '/metrics');
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.include('text/plain');
    expect(text).to.match(
      /^dpf_http_requests_total\{method="GET",route="\/v1\/searches\/:id",status="4xx"\} 1$/m,
    );
    expect(text).to.match(/^dpf_http_requests_total\{method="GET",route="none",status="4xx"\} 1$/m);
    expect(text).to.match(
      /^dpf_http_requests_total\{method="POST",route="\/v1\/searches",status="4xx"\} 1$/m,
    );
    expect(text).to.match(/^dpf_redis_up 1$/m);
    const build = `dpf_build_info{version="${packageVersion()}",node="${process.versions.node}"} 1`;
    expect(text.split('\n')).to.include(build);
    expect(text).to.not.match(/secretive|nowhere|hush/);
  });

  it('count the searches that were turned away, by why', async () => {
    const lamps = Array.from({ length: 2 }, () => ({ query: 'lamp' }));
    const asked = [{ query: '' }, lamps, lamps];
    const statuses = [];
    for (const body of asked) statuses.push((await service.call('POST', '/v1/searches', body)).status);
    expect(statuses).to.deep.equal([400, 202, 503]);
    const { text } = await service.call('GET', '/metrics');
    const counts = [
      ...text.matchAll(
        /^dpf_searches_refused_total\{tenant="default",(?:because="\w+",)?reason="(\w+)"(?:,because="\w+")?\} (\d+)$/gm,
      ),
    ];
    expect(counts.map(([, reason, count]) => `${reason} ${count}`)).to.deep.equal([
      'invalid 1',
      'backlog 2',
      'memory 0',
      'budget 0',
      'redis 0',
    ]);
  });

  it('are for keys of the role operate alone', async () => {
    const authorization = `Bearer ${await service.key(['read', 'enqueue', 'schedule'])}`;
    expect((await service.call('GET', '/metrics', undefined, { authorization })).status).to.equal(403);
    expect((await fetch(`${service.app.url}/metrics`)).status).to.equal(401);
  });

  it('are not alone in showing no secret: no answer does', async () => {
    const { status, text } = await service.call('POST', '/v1/searches', { 'hush-hush-cert-id': 1 });
    expect(status).to.equal(400);
    expect(text).to.include('***').and.not.include('hush-hush');
  });
});
