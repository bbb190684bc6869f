import { expect } from 'chai';
import { useHttpService } from '../../support/httpService.ts';
import { waitFor } from '../../support/waitFor.ts';

const ALERT = { name: 'drops', track: 'strips', when: [{ on: 'drop', percent: 10 }] };
const HOOK = { kind: 'webhook', name: 'hook', url: 'https://shop.example/path/SECRET-PART' };

describe('the routes of alerts and channels', () => {
  const service = useHttpService({}, { isKept: true });
  const call = (method: string, path: string, body?: unknown) => service.call(method, `/v1${path}`, body);

  it('make an alert, show it, pause, resume and remove it', async () => {
    const made = await call('POST', '/alerts', ALERT);
    expect(made.status, made.text).to.equal(200);
    expect(made.json).to.include({ name: 'drops', state: 'active', rearm: 86_400, pending: 0 });
    expect(made.json.when).to.deep.equal([{ on: 'drop', percent: 10, basis: 'delivered' }]);
    expect((await call('POST', '/alerts/drops/pause')).json.state).to.equal('paused');
    expect((await call('POST', '/alerts/drops/resume')).json.state).to.equal('active');
    const { alerts } = (await call('GET', '/alerts')).json;
    expect(alerts.map(({ name }: { name: string }) => name)).to.deep.equal(['drops']);
    expect((await call('DELETE', '/alerts/drops')).status).to.equal(204);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/pause'],
    ] as const)
      expect((await call(method, `/alerts/drops${path}`)).status, path).to.equal(404);
  });

  it('name everything that is wrong with an alert or a channel', async () => {
    const alert = await call('POST', '/alerts', { name: 'A', tz: 'Mars', when: [{ on: 'cheaper' }], x: 1 });
    const paths = ({ json }: typeof alert) => json.errors.map(({ path }: { path: string }) => path).sort();
    expect(alert.status).to.equal(400);
    expect(paths(alert)).to.deep.equal(['name', 'track', 'tz', 'when.0.on', 'x']);
    const channel = await call('POST', '/channels', { kind: 'webhook', name: 'A', url: 'ftp://x' });
    expect(channel.status).to.equal(400);
    expect(paths(channel)).to.deep.equal(['name', 'url']);
    expect((await call('POST', '/alerts')).status).to.equal(400);
    expect((await call('POST', '/channels')).status).to.equal(400);
  });

  it('show the secret of a webhook once, and never its address', async () => {
    const made = await call('POST', '/channels', HOOK);
    expect(made.status, made.text).to.equal(200);
    expect(made.json.secret).to.match(/^whsec_/);
    expect(made.headers.get('cache-control')).to.equal('no-store');
    const again = await call('POST', '/channels', HOOK);
    const one = await call('GET', '/channels/hook');
    const all = await call('GET', '/channels');
    for (const { text } of [again, one, all]) {
      expect(text).to.include('shop.example');
      expect(text).to.not.match(/whsec_|SECRET-PART/);
    }
    const rotated = await call('POST', '/channels/hook/rotate');
    expect(rotated.json.secret)
      .to.match(/^whsec_/)
      .and.not.equal(made.json.secret);
    expect((await call('GET', '/channels/hook/failed')).json).to.deep.equal({ messages: [] });
    expect((await call('POST', '/channels/hook/failed/retry')).json).to.deep.equal({ retried: 0 });
    expect((await call('DELETE', '/channels/hook')).status).to.equal(204);
    expect((await call('GET', '/channels/hook')).status).to.equal(404);
    expect((await call('POST', '/channels/hook/test')).status).to.equal(404);
  });

  it('are changed by keys with the role schedule alone, and read by those with read too', async () => {
    await call('POST', '/channels', HOOK);
    await call('POST', '/alerts', ALERT);
    const authorization = `Bearer ${await service.key(['read', 'enqueue', 'operate'])}`;
    for (const path of ['/alerts', '/alerts/drops', '/channels', '/channels/hook', '/channels/hook/failed'])
      expect((await service.call('GET', `/v1${path}`, undefined, { authorization })).status, path).to.equal(
        200,
      );
    for (const [method, path, body] of [
      ['POST', '/alerts', ALERT],
      ['POST', '/alerts/drops/pause', undefined],
      ['DELETE', '/alerts/drops', undefined],
      ['POST', '/channels', HOOK],
      ['POST', '/channels/hook/test', undefined],
      ['POST', '/channels/hook/rotate', undefined],
      ['POST', '/channels/hook/failed/retry', undefined],
      ['DELETE', '/channels/hook', undefined],
    ] as const) {
      const { status, json } = await service.call(method, `/v1${path}`, body, { authorization });
      expect([status, json.errors[0].code], path).to.deep.equal([403, 'missing_role']);
    }
  });

  it('end the wait for a test with the key that asked for it', async () => {
    await call('POST', '/channels', HOOK);
    const { key, record } = await service.keys.add({
      ...{ name: 'tester', tenant: 'default', roles: ['schedule'], expiresAt: null },
    });
    const tested = service.call('POST', '/v1/channels/hook/test', undefined, {
      authorization: `Bearer ${key}`,
    });
    await waitFor('the test message', async () => (await call('GET', '/channels/hook')).json.waiting === 1);
    await service.keys.revoke(record.id);
    expect((await tested).status).to.equal(401);
  });
});
