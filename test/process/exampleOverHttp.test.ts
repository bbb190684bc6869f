import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { useHttpService } from '../support/httpService.ts';
import { useService } from '../support/service.ts';

const run = promisify(execFile);

describe('the example with curl and jq', function () {
  this.timeout(60_000);
  before(function () {
    const missing = ['curl', 'jq'].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
    if (missing.length === 0) return;
    console.error(`skipped: ${missing.join(' and ')} not there (apt-get install curl jq)`);
    this.skip();
  });
  const beside = useService();
  const service = useHttpService({}, { beside });
  const example = async (key: string, ...args: string[]) => {
    const env = { PATH: process.env.PATH, API_URL: service.app.url, API_KEY: key };
    return run('sh', ['examples/export.sh', ...args], { env }).then(
      (ended) => ({ ...ended, code: 0 }),
      (error: { stdout: string; stderr: string; code: number }) => error,
    );
  };

  it('schedules a search, waits for its run and exports the products', async () => {
    const key = await service.key(['enqueue', 'read', 'schedule']);
    const { stdout, stderr, code } = await example(key, 'phone case');
    expect(code, stderr).to.equal(0);
    expect(stderr).to.match(/^runs at 07:30 on working days \(America\/New_York\), next at 2.*Z\n/);
    const products = Number(/^complete: (\d+) products$/m.exec(stderr)?.[1]);
    expect(products).to.be.within(90, 100);
    const [heading = '', ...rows] = stdout.trimEnd().split('\r\n');
    expect(heading).to.match(/itemId/);
    expect(rows).to.have.length(products);
    expect((await beside.producer.schedule.list()).map(({ name }) => name)).to.deep.equal(['morning-export']);
  });

  it('says in the API’s words what was refused, and what a failed search failed with', async () => {
    const refused = await example(await service.key(['read']));
    expect(refused.code).to.equal(1);
    expect(refused.stderr).to.match(/role schedule/);
    beside.simulator.controls.arm({ fault: 'status', status: 400, errorId: 12001 });
    const failed = await example(await service.key(), 'lamp');
    expect([failed.code, failed.stdout]).to.deep.equal([1, '']);
    expect(failed.stderr).to.match(/^ebay-refused: /m);
  });
});
