import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { useHttpService } from '../../support/httpService.ts';
import { patientDpf } from '../../support/patientDpf.ts';

const REQUEST = { query: 'phone case', maxItems: 5 };

/** What tenants have: ids as this service makes them. */
type Ids = { search: string; schedule: string };

/** Every command that takes an id, with one. */
const COMMANDS: Array<(ids: Ids) => string[]> = [
  ...['--get', '--cancel', '--retry'].map((flag) => ({ search }: Ids) => [
    'search',
    flag,
    search,
    '--no-wait',
  ]),
  ...['show', 'pause', 'resume', 'run', 'remove'].map((name) => ({ schedule }: Ids) => [
    'schedule',
    name,
    schedule,
  ]),
];

describe('what belongs to one tenant', () => {
  const service = useHttpService();
  let owned: Ids;
  let variable: string | undefined;
  beforeEach(async () => {
    variable = process.env.REDIS_URL;
    const { host, port } = service.redis.options;
    process.env.REDIS_URL = `redis://${host}:${port}`;
    await service.key(undefined, 'shop-b');
    const key = await service.key(undefined, 'shop-a');
    const added = await service.call('POST', '/v1/searches', REQUEST, { authorization: `Bearer ${key}` });
    expect(added.status, added.text).to.equal(202);
    owned = { search: added.json.searchId, schedule: 'mine' };
    const scheduled = await patientDpf(
      'schedule',
      'add',
      'mine',
      '--every',
      '3600',
      '--query',
      'mug',
      '--tenant',
      'shop-a',
    );
    expect(scheduled.exit, scheduled.err).to.equal(0);
  });
  afterEach(() => {
    if (variable === undefined) delete process.env.REDIS_URL;
    else process.env.REDIS_URL = variable;
  });

  const unknownIds = (): Ids => ({
    search: `s_${randomUUID().replaceAll('-', '')}`,
    schedule: `nobody-${randomUUID().slice(0, 8)}`,
  });
  /** Without what differs from one answer to the next anyhow. */
  const comparable = (text: string, ids: Ids, tenant: string) =>
    [...Object.values(ids), tenant]
      .reduce((rest, id) => rest.replaceAll(id, 'ID'), text)
      .replace(/\b(s_[0-9a-f]{32}|\d{4}-\d\d-\d\dT[\d:.]+Z)/g, 'NEW');
  const stillThere = async () => {
    const [search, schedule] = await Promise.all([
      patientDpf('search', '--get', owned.search, '--no-wait', '--tenant', 'shop-a', '--json'),
      patientDpf('schedule', 'show', 'mine', '--tenant', 'shop-a', '--json'),
    ]);
    expect([search.exit, schedule.exit]).to.deep.equal([0, 0]);
    expect(JSON.parse(search.out).state).to.equal('queued');
    expect(JSON.parse(schedule.out)).to.include({ state: 'active', runs: 0 });
  };

  it('looks to another as if it did not exist, whatever the route', async function () {
    this.timeout(60_000);
    const key = await service.key(undefined, 'shop-b');
    const routes = service.app.rules.filter(({ access }) => Array.isArray(access));
    expect(routes.length).to.be.greaterThan(1);
    const call = async (method: string, url: string, ids: Ids, tenant: string, body?: object) => {
      const path = url
        .replace(/\/schedules\/:[a-z]+/g, `/schedules/${ids.schedule}`)
        .replace(/:[a-z]+/g, ids.search)
        .replace('*', '');
      const named = body === undefined || method === 'GET' ? undefined : { ...body, tenant };
      const answer = await service.call(method, path, named, { authorization: `Bearer ${key}` });
      return { status: answer.status, body: comparable(answer.text, ids, tenant) };
    };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...routes),
        fc.constantFrom(
          undefined,
          {},
          REQUEST,
          { ...REQUEST, maxItems: -1 },
          { name: 'x', every: 3600, request: REQUEST },
        ),
        async ({ method, url }, body) => {
          const theirs = await call(method, url, owned, 'shop-a', body);
          const asks = method === 'GET' && !url.includes(':');
          if (asks) expect(theirs.body, url).to.not.match(/phone case|"mine"/);
          else
            expect(theirs, `${method} ${url}`).to.deep.equal(
              await call(method, url, unknownIds(), 'nobody', body),
            );
          if (url.includes(':')) expect(theirs.status, `${method} ${url}`).to.be.oneOf([400, 404, 415]);
        },
      ),
      { numRuns: 10 * routes.length },
    );
    await stillThere();
  });

  it('looks to another as if it did not exist, whatever the command', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...COMMANDS), fc.boolean(), async (command, json) => {
        const flags = ['--tenant', 'shop-b', ...(json ? ['--json'] : [])];
        const answer = async (ids: Ids) => {
          const { exit, out, err } = await patientDpf(...command(ids), ...flags);
          return { exit, out: comparable(out, ids, ''), err: comparable(err, ids, '') };
        };
        const theirs = await answer(owned);
        expect(theirs).to.deep.equal(await answer(unknownIds()));
        expect(theirs.exit).to.equal(1);
      }),
      { numRuns: 3 * COMMANDS.length },
    );
    await stillThere();
  });

  it('and a tenant that nobody declared is told as one', async () => {
    const { exit, err } = await patientDpf('search', 'mug', '--no-wait', '--tenant', 'shop-c');
    expect(exit).to.equal(1);
    expect(err).to.equal('dpf: no tenant "shop-c"; known: default, shop-a, shop-b');
  });
});
