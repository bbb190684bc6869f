import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigError } from '../../../src/config/config.ts';
import { applyFile } from '../../../src/queue/schedules/file.ts';
import { useSchedules } from '../../support/schedules.ts';

const request = { query: 'phone case' };
const hourly = { name: 'hourly', every: 3600, request };
const daily = { name: 'daily', cron: '0 6 * * *', request };

describe('the file of schedules', () => {
  const test = useSchedules();
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'schedules-'));
    file = join(folder, 'schedules.json');
    test.at('2026-05-01T10:00Z');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function apply(...schedules: object[]) {
    writeFileSync(file, JSON.stringify({ schedules }));
    return applyFile(test.schedules, file);
  }
  const none = { added: [], changed: [], removed: [], unchanged: [], refused: [] };

  it('is what its schedules become: added, changed, removed, and left alone', async () => {
    expect(await apply(hourly, daily)).to.deep.equal({ ...none, added: ['hourly', 'daily'] });
    await test.runAll();
    const before = await test.schedules.get('hourly');
    test.at('2026-05-01T10:20Z');
    const later = { ...daily, name: 'later' };
    expect(await apply(hourly, later, { ...daily, cron: '0 7 * * *' })).to.deep.equal({
      ...none,
      added: ['later'],
      changed: ['daily'],
      unchanged: ['hourly'],
    });
    expect((await test.schedules.get('hourly')).next).to.equal(before.next);
    expect((await test.schedules.get('daily')).next).to.equal('2026-05-02T07:00:00.000Z');
    expect(await apply(later)).to.deep.equal({ ...none, removed: ['daily', 'hourly'], unchanged: ['later'] });
    expect(await apply()).to.deep.equal({ ...none, removed: ['later'] });
    expect(await test.queue.getJobCountByTypes('delayed', 'prioritized', 'waiting')).to.equal(0);
  });

  it('may list auto schedules: what is as wanted is left alone, also after a change to and fro', async () => {
    const auto = { name: 'hourly', auto: { atLeastEvery: 7200 }, request: { ...request, track: 'hourly' } };
    expect(await apply(auto)).to.deep.equal({ ...none, added: ['hourly'] });
    expect(await apply(auto)).to.deep.equal({ ...none, unchanged: ['hourly'] });
    expect(await test.schedules.get('hourly')).to.include({ state: 'active', source: 'file', next: null });
    expect(await apply(hourly)).to.deep.equal({ ...none, changed: ['hourly'] });
    expect(await test.queue.getJobSchedulersCount()).to.equal(1);
    expect(await apply(auto)).to.deep.equal({ ...none, changed: ['hourly'] });
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    expect(await test.schedules.expelForeign()).to.deep.equal([]);
    expect(await apply()).to.deep.equal({ ...none, removed: ['hourly'] });
  });

  it('manages only what came from it, and takes no name from others', async () => {
    await test.schedules.add(hourly);
    expect(await apply(daily, { ...hourly, every: 60 })).to.deep.equal({
      ...none,
      added: ['daily'],
      refused: ['hourly'],
    });
    expect(await test.schedules.get('hourly')).to.include({ every: 3600, source: 'code' });
    await apply();
    expect((await test.schedules.list()).map(({ name }) => name)).to.deep.equal(['hourly']);
    await apply(daily);
    const refused = await test.schedules.add({ ...daily, limit: 5 }).catch((error: Error) => error);
    expect((refused as Error).message).to.include('SCHEDULES_FILE');
  });

  it('leaves a schedule paused that somebody paused', async () => {
    await apply(hourly);
    await test.schedules.pause('hourly');
    await apply({ ...hourly, request: { query: 'drone' } });
    expect(await test.schedules.get('hourly')).to.include({ state: 'paused', next: null });
    await test.schedules.resume('hourly');
    test.at('2026-05-01T11:00Z');
    expect((await test.take())?.job.data.query).to.equal('drone');
  });

  it('stays valid when an end in it passes', async () => {
    const brief = { ...hourly, end: '2026-05-01T10:30:00Z' };
    await apply(brief);
    await test.runAll();
    test.at('2026-05-02T10:00Z');
    expect(await apply(brief)).to.deep.equal({ ...none, unchanged: ['hourly'] });
    expect((await test.schedules.get('hourly')).state).to.equal('done');
  });

  it('repairs what a process that died left between two steps of a change', async () => {
    await test.schedules.add(hourly);
    await test.runAll();
    await apply(daily);
    await test.queue.removeJobScheduler('hourly');
    test.at('2026-05-01T10:20Z');
    expect(await apply(daily)).to.deep.equal({ ...none, unchanged: ['daily'] });
    expect((await test.schedules.get('hourly')).next).to.equal('2026-05-01T11:00:00.000Z');
  });

  const wrong: Array<[what: string, text: string, problem: RegExp]> = [
    ['no JSON', '{', /schedules\.json is not JSON: see line 1:2/],
    ['no list', '{"schedules": {}}', /must hold \{"schedules": \[\.\.\.\]\}/],
    ['another key', '{"schedules": [], "v": 2}', /and nothing else/],
    [
      'a wrong cron',
      JSON.stringify({ schedules: [daily, { ...daily, cron: '61 * * * *' }] }),
      /schedules\.1\.cron "61"/,
    ],
    [
      'a name twice',
      JSON.stringify({ schedules: [daily, daily] }),
      /schedules\.1\.name daily is the name of 0/,
    ],
  ];
  for (const [what, text, problem] of wrong)
    it(`is refused as a whole with ${what}, and changes nothing`, async () => {
      writeFileSync(file, text);
      const error = await applyFile(test.schedules, file).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(ConfigError);
      expect((error as ConfigError).message).to.match(problem);
      expect(await test.schedules.list()).to.deep.equal([]);
    });

  it('comes with an example that is valid', async () => {
    const { added } = await applyFile(test.schedules, 'config/schedules.example.json');
    expect(added).to.have.length(2);
  });
});
