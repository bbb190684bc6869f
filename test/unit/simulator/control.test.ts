import { expect } from 'chai';
import { startSimulator } from '../../../src/simulator/simulator.ts';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';
import { SimulatorControl } from '../../support/simulatorControl.ts';

describe('the control API of the simulator', () => {
  const simulator = useSimulator();
  let token: string;
  let control: SimulatorControl;
  before(async () => {
    token = await mintToken(simulator().url);
    control = new SimulatorControl(simulator().url);
  });
  const page = async (query: string) =>
    (await (await get(simulator().url, `${SEARCH}?${query}`, token)).json()) as {
      total: number;
      itemSummaries?: { itemId: string; itemHref: string; price: { value: string } }[];
    };

  it('reads the log since a number and by kind, with what was asked and answered', async () => {
    await page('q=yoga+mat&limit=1');
    const { lastSeq } = await control.state();
    await page('q=dash+cam&limit=200&offset=200&filter=conditions:{NEW}');
    await get(simulator().url, '/developer/analytics/v1_beta/rate_limit/', token);
    const [entry, ...others] = await control.log({ since: lastSeq, kind: 'search' });
    expect(others).to.deep.equal([]);
    expect(entry).to.include({ seq: lastSeq + 1, kind: 'search', method: 'GET', status: 200, fault: null });
    expect(entry).to.include({ token: 't1', delivered: true });
    expect(entry?.query).to.deep.equal({
      q: 'dash cam',
      limit: '200',
      offset: '200',
      filter: 'conditions:{NEW}',
    });
    await control.clearLog();
    expect(await control.log()).to.deep.equal([]);
  });

  it('logs arrivals in order on the monotonic clock and never a token', async () => {
    await Promise.all(Array.from({ length: 10 }, () => page('q=yoga+mat&limit=1')));
    const entries = await control.log();
    const arrivals = entries.map(({ at }) => at);
    expect(arrivals).to.deep.equal([...arrivals].sort((a, b) => a - b));
    expect(JSON.stringify(entries)).to.not.include(token);
  });

  it('arms and clears faults, and refuses one that does not exist', async () => {
    const id = await control.arm({ fault: 'status', status: 500 });
    expect((await get(simulator().url, `${SEARCH}?q=yoga`, token)).status).to.equal(500);
    await control.clear(id);
    expect((await control.state()).faults).to.deep.equal([]);
    const failure = await control.arm({ fault: 'gremlin' } as never).catch((error: Error) => error.message);
    expect(failure).to.include('400').and.include('gremlin');
  });

  it('changes a price, which search and item show at once', async () => {
    const [before] = (await page('q=yoga+mat&limit=1')).itemSummaries ?? [];
    await control.changeListing(before?.itemId ?? '', { price: '1.23' });
    const [after] = (await page('q=yoga+mat&limit=1')).itemSummaries ?? [];
    expect(after).to.deep.include({ itemId: before?.itemId });
    expect(after?.price.value).to.equal('1.23');
    expect(await (await get('', after?.itemHref ?? '', token)).json()).to.have.nested.property(
      'price.value',
      '1.23',
    );
  });

  it('removes a listing, which is gone from searches and 404/11001 by its id', async () => {
    const { itemSummaries, total } = await page('q=slide+rule&limit=1');
    const gone = itemSummaries?.[0];
    await control.removeListing(gone?.itemId ?? '');
    expect((await page('q=slide+rule&limit=1')).total).to.equal(total - 1);
    const response = await get('', gone?.itemHref ?? '', token);
    expect(response.status).to.equal(404);
    expect(await response.json()).to.have.nested.property('errors[0].errorId', 11001);
  });

  it('adds a listing that ranks first and is newest', async () => {
    const itemId = await control.addListing({ title: 'Novel Yoga Mat', price: '19.99' });
    for (const query of ['q=yoga+mat&limit=3', 'q=yoga+mat&limit=3&sort=newlyListed']) {
      expect((await page(query)).itemSummaries?.[0]).to.include({ itemId });
    }
  });

  it('drives simulators that know nothing of each other', async () => {
    const other = await startSimulator({ catalogueScale: 0.1 });
    try {
      await new SimulatorControl(other.url).arm({ fault: 'status', status: 500, on: { endpoint: 'token' } });
      expect((await control.state()).faults).to.deep.equal([]);
      expect((await get(other.url, `${SEARCH}?q=yoga`, token)).status, 'a foreign token').to.equal(401);
    } finally {
      await other.close();
    }
  });

  it('refuses to listen on a port in use, with the error of the server', async () => {
    const error = await startSimulator({ port: simulator().port }).catch(
      (failure: NodeJS.ErrnoException) => failure,
    );
    expect(error).to.have.property('code', 'EADDRINUSE');
  });
});
