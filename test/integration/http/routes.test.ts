import { expect } from 'chai';
import type { FastifyInstance } from 'fastify';
import type { Routes } from '../../../src/http/access.ts';
import { claimedId } from '../../../src/http/auth/apiKeys.ts';
import { createServer } from '../../../src/http/server.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { Scrubber } from '../../../src/telemetry/scrubber.ts';
import { useHttpService } from '../../support/httpService.ts';
import { request, sendRaw } from '../../support/rawHttp.ts';
import { Visitor } from '../../support/visitor.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Every route of the router as `METHOD url`, as Fastify prints them. */
function routesOf(app: FastifyInstance): string[] {
  const lines = app.printRoutes({ commonPrefix: false }).split('\n');
  const trail: string[] = [];
  return lines.flatMap((line) => {
    const [, indent = '', part = '', methods = ''] =
      /^((?:[│ ] {3})*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (part === '') return [];
    const depth = indent.length / 4;
    trail.splice(depth, Number.POSITIVE_INFINITY, part);
    return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${trail.join('')}`);
  });
}

describe('the routes of the server', () => {
  const service = useHttpService();

  it('all declare who may call them', async () => {
    const { server } = service.app;
    const routes = routesOf(server);
    expect(routes).to.include('POST /v1/searches').and.include('GET /v1/searches/:id');
    // The printed tree leaves out a `/` at the end, and what stands before a `*`.
    const isFor = (url: string, rule: string) =>
      [url, `${url}/`].includes(rule) || (url.endsWith('*') && rule.startsWith(url.slice(0, -1)));
    const undeclared = routes.filter((route) => {
      const [method, url = ''] = route.split(' ');
      const rules = server.rules().filter((rule) => rule.method === method && isFor(url, rule.url));
      return rules.length === 0 || rules.some(({ access }) => access === undefined);
    });
    expect(undeclared).to.deep.equal([]);
  });

  it('take HEAD as they take GET, or say which methods they have', async () => {
    const read = service.app.rules.filter(({ method }) => method === 'GET');
    expect(read.map(({ url }) => url)).to.include.members(['/docs', '/docs/', '/livez', '/v1/searches']);
    for (const { url } of read) {
      const path = url.replace(/:[a-z]+/gi, 'x').replace('*', 'swagger-ui.css');
      const head = await service.call('HEAD', path);
      expect(head.text, url).to.equal('');
      if (head.status === 405) expect(head.headers.get('allow'), url).to.match(/\bGET\b/);
      else expect(head.status, url).to.equal((await service.call('GET', path)).status);
    }
    for (const path of ['/docs', '/docs/', '/admin/queues', '/admin/queues/']) {
      const { status, headers } = await service.call('DELETE', path);
      expect([status, headers.get('allow')?.slice(0, 3)], path).to.deep.equal([405, 'GET']);
    }
  });

  it('refuse, with a key or without, one that declares no access', async () => {
    const stray: Routes = (app) => void app.get('/stray', async () => 'secret');
    const app = await createServer({
      routes: [stray],
      authenticator: undefined,
      metrics: createMetrics().http,
      scrubber: new Scrubber(),
      requestsAMinute: 1000,
      log: NOOP_LOGGER,
    });
    expect(routesOf(app)).to.deep.equal(['GET /stray']);
    const answer = await app.inject({ url: '/stray', headers: { host: 'localhost' } });
    expect(answer.statusCode).to.equal(404);
    expect(answer.body).to.not.contain('secret');
    await app.close();
  });

  it('of the API are all in its documentation, and no other', async () => {
    const { paths } = (await service.call('GET', '/docs/json')).json as { paths: Record<string, object> };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    const ofApi = service.app.rules.filter(({ url }) => url.startsWith('/v1/'));
    expect(documented).to.have.members(ofApi.map(({ method, url }) => `${method} ${url}`));
    expect(documented).to.have.length.above(10);
  });

  it('lead to no file outside the folders that are served', async () => {
    const login = new Visitor(service);
    await login.signIn(await service.key());
    const cookie = `Cookie: dpf_session=${login.cookie('dpf_session')}`;
    const up = ['../', '%2e%2e/', '..%2f', '%2e%2e%2f', '..%5c', '....//', '%252e%252e/'];
    for (const folder of ['/docs/static/', '/admin/queues/static/', '/page/'])
      for (const step of up)
        for (const file of [`${step.repeat(3)}package.json`, `x/${step.repeat(9)}etc/passwd`]) {
          const line = `GET ${folder}${file} HTTP/1.1`;
          const { status, text } = await sendRaw(service.app.url, request(line, [cookie]));
          expect(status, line).to.be.oneOf([400, 403, 404]);
          expect(text, line).to.not.match(/"dependencies"|root:/);
        }
  });

  it('refuse no request while a key is replaced by another one of its name', async () => {
    const { keys } = service;
    const wanted = { name: 'shop', tenant: 'default', roles: ['read'] as const, expiresAt: null };
    const former = await keys.add(wanted);
    let authorization = `Bearer ${former.key}`;
    const statuses: number[] = [];
    let isOver = false;
    const client = async () => {
      while (!isOver)
        statuses.push((await service.call('GET', '/v1/quota', undefined, { authorization })).status);
    };
    const clients = [client(), client(), client()];
    const answered = async (more: number) => {
      const from = statuses.length;
      await waitFor('further answers', () => statuses.length >= from + more);
    };
    await answered(20);
    authorization = `Bearer ${(await keys.add(wanted)).key}`;
    // Those that were sent with the former key are answered by then.
    await answered(20);
    await keys.revoke(former.record.id);
    const ofFormer = () =>
      service.call('GET', '/v1/quota', undefined, { authorization: `Bearer ${former.key}` });
    await waitFor('the former key has ended', async () => (await ofFormer()).status === 401);
    await answered(20);
    isOver = true;
    await Promise.all(clients);
    expect(new Set(statuses)).to.deep.equal(new Set([200]));
  });

  it('require a key unless they are public', async () => {
    for (const { method, url, access } of service.app.rules) {
      // The tests of each login cover these.
      if (access === 'own-login') continue;
      const path = url.replace(/:[a-z]+/gi, 'x').replace('*', '');
      const answer = await service.call(method, path, undefined, { authorization: '' });
      if (access === 'public') expect(answer.status, `${method} ${url}`).to.not.be.oneOf([401, 403, 500]);
      // The authenticator gives both answers: 429 from the thirtieth missing key on.
      else expect(answer.status, `${method} ${url}`).to.be.oneOf([401, 429]);
    }
  });

  it('take a key with one of their roles, and no other', async () => {
    const key = await service.key(['schedule']);
    const answer = await service.call(
      'POST',
      '/v1/searches',
      { query: 'mug' },
      { authorization: `Bearer ${key}` },
    );
    expect(answer.status).to.equal(403);
    expect(answer.json.errors[0]).to.include({ code: 'missing_role' });
    await waitFor('the log', () => service.logged.includes('request refused'));
    const line = service.logged.split('\n').find((each) => each.includes('request refused')) ?? '{}';
    expect(JSON.parse(line)).to.include({ level: 'warn', route: '/v1/searches', keyId: claimedId(key) });
  });
});
