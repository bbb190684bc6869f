import { expect } from 'chai';
import { useBrowser } from '../../support/browser.ts';
import { useHttpService } from '../../support/httpService.ts';
import { useService } from '../../support/service.ts';

describe('the event stream of a search that has ended', () => {
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({}, { beside: service });
  const events = (id: string, lastEventId?: string) =>
    http.call('GET', `/v1/searches/${id}/events`, undefined, {
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    });
  const idOf = (text: string) => /^id: (.*)\nevent: end$/m.exec(text)?.[1];

  it('gives its end once, and 204 to a client that has it', async () => {
    const { searchId } = await service.search({ query: 'phone case', maxItems: 10 });
    const first = await events(searchId);
    expect(first.text.match(/^event: end$/gm)).to.have.lengthOf(1);
    const again = await events(searchId, idOf(first.text));
    expect([again.status, again.text]).to.deep.equal([204, '']);
    const other = await events(searchId, 'end of another one');
    expect(idOf(other.text)).to.equal(idOf(first.text));
  });

  it('gives another end after a retry to a client that has the former one, also of failures', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 400, errorId: 12001, count: 1 });
    const { searchId } = await service.search({ query: 'phone case', maxItems: 10 });
    const failed = await events(searchId);
    expect((await events(searchId, idOf(failed.text))).status).to.equal(204);
    expect((await http.call('POST', `/v1/searches/${searchId}/retry`)).status).to.equal(202);
    const second = await events(searchId, idOf(failed.text));
    expect(second.status).to.equal(200);
    expect(idOf(second.text)).to.be.a('string').and.not.equal(idOf(failed.text));
  });
});

describe('a standard EventSource', function () {
  this.timeout(60_000);
  const service = useService({}, {}, { isKept: true });
  const http = useHttpService({ HTTP_WITHOUT_KEYS: 'true' }, { beside: service });
  const browser = useBrowser();

  for (const hasEnded of [false, true])
    it(`stops after one end of a search that ${hasEnded ? 'has ended before' : 'runs'}`, async () => {
      service.simulator.controls.configure({ latencyMs: hasEnded ? 0 : 500 });
      const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
      if (hasEnded) await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
      const { page } = await browser.open();
      const statuses: number[] = [];
      page.on('response', (response) => {
        if (response.url().endsWith('/events')) statuses.push(response.status());
      });
      await page.goto(`${http.app.url}/livez`);
      const ends = await page.evaluate(
        (path) =>
          new Promise((resolve) => {
            const { EventSource } = globalThis as unknown as { EventSource: new (path: string) => Source };
            const source = new EventSource(path);
            let count = 0;
            source.addEventListener('end', () => {
              count += 1;
            });
            // Closed for ever, and not about to connect again.
            source.addEventListener('error', () => source.readyState === 2 && resolve(count));
          }),
        `/v1/searches/${searchId}/events`,
      );
      expect([ends, statuses]).to.deep.equal([1, [200, 204]]);
    });
});

interface Source {
  readyState: number;
  addEventListener(name: string, listener: () => void): void;
}
