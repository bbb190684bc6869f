import type { ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { startWorkerApp } from '../../src/app/worker.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { Scrubber } from '../../src/telemetry/scrubber.ts';
import { type Places, sightings } from '../support/canaries.ts';
import {
  aSecretIsMisplaced,
  aWorkerDies,
  ebayFails,
  ebayRepeats,
  jobsAreOverwritten,
  startOnAFullDisk,
} from '../support/canaryAccidents.ts';
import { answeredPlaces, saidPlaces, shownPlaces, writtenPlaces } from '../support/canaryPlaces.ts';
import { testConfig } from '../support/config.ts';
import { usePlantedService } from '../support/plantedService.ts';
import { useProcesses } from '../support/processes.ts';
import { waitFor } from '../support/waitFor.ts';

/** What a scan for secrets must find something of, or it could find nothing. */
class Blind extends Scrubber {
  override text(text: string): string {
    return text;
  }
}

describe('no secret of a running service', function () {
  this.timeout(120_000);
  const service = usePlantedService();
  const { dpf } = useProcesses();
  let doomed: ChildProcess | undefined;
  afterEach(() => void doomed?.kill('SIGKILL'));

  it('is in log, Redis, append-only file, metrics, dashboard, commands or answers, whatever goes wrong', async () => {
    const { env, canaries } = service;
    const worker = dpf(['worker'], env);
    const serve = dpf(['serve'], { ...env, METRICS_PORT: '' });
    [doomed] = await Promise.all([
      startOnAFullDisk(service),
      worker.waitForLine(/worker started/),
      serve.waitForLine(/http:/),
    ]);
    for (let n = 0; n < 2; n += 1) await service.search();
    await service.noteTokens();
    await ebayFails(service);
    await ebayRepeats(service);
    const { left } = await aWorkerDies(service, doomed, worker);
    // The repair of overwritten jobs would put its job back first.
    await worker.waitForLine(/stalled job/);
    await jobsAreOverwritten(service);
    await aSecretIsMisplaced(service, [worker, serve]);
    const said = await saidPlaces(service);
    await service.restartRedis();
    await service.search();
    await left;
    const isReady = () => fetch(`http://127.0.0.1:${env.HTTP_PORT}/readyz`).then(({ ok }) => ok);
    await waitFor('the server to be ready again', isReady);
    for (const accident of ['configuration refused', 'job quarantined'])
      await worker.waitForLine(new RegExp(accident));
    const shown = await shownPlaces(service);
    serve.hangUp();
    const answered = await answeredPlaces(service);
    const written = await writtenPlaces(service, [worker, serve]);
    expect(canaries.size).to.be.at.least(20);
    const places: Places = new Map([...said, ...shown, ...answered, ...written]);
    expect(sightings(canaries, places)).to.deep.equal([]);
    expect(said.size).to.equal(18);
    for (const looked of [shown, answered, written]) expect(looked.size).to.be.above(50);
  });

  it('would stay hidden without the scrubber: the same look finds some then', async () => {
    const { env } = service;
    const config = testConfig(env);
    let logged = '';
    const stream = new PassThrough().on('data', (text) => {
      logged += text;
    });
    const log = new LogRoot(config.log, stream, new Blind());
    const worker = await startWorkerApp(config, log, { sources: { env, files: [] } });
    await ebayRepeats(service, (text) => [text]);
    const places = await writtenPlaces(service, []);
    await worker.stop();
    places.set('log', logged);
    const found = sightings(service.canaries, places);
    for (const place of ['log', 'Redis', 'file'])
      expect(
        found.some((sighting) => sighting.startsWith(place)),
        place,
      ).to.equal(true);
  });
});
