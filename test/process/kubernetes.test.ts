import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect } from 'chai';
import { MANIFESTS } from '../../scripts/kubernetes.ts';
import { containerOf, deploymentOf, envOf, imageLine, readManifests } from '../support/manifests.ts';
import { useProcesses } from '../support/processes.ts';
import { serviceEnv } from '../support/service.ts';
import { waitFor } from '../support/waitFor.ts';
import { useWorkerProcesses } from '../support/workerProcesses.ts';

/** All times of the pod are divided by this. More would leave a call too little time on a busy machine. */
const SCALE = 2;
const SEARCHES = 10;
const HUNG = 3;

describe('a worker in a pod of Kubernetes', function () {
  this.timeout(120_000);
  const pod = deploymentOf(readManifests(readFileSync(MANIFESTS, 'utf8')), 'worker');
  const container = containerOf(pod);
  const graceMs = (pod.spec.template.spec.terminationGracePeriodSeconds * 1000) / SCALE;
  const fleet = useWorkerProcesses({});
  const { dpf } = useProcesses();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dpf-pod-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** The environment of the pod: its folders are here, its port is any of loopback, and its eBay is the simulator. */
  function podEnv(name: string): Record<string, string> {
    const { simulator, redisUrl } = fleet;
    const given = serviceEnv(redisUrl, simulator.url);
    const { secretName, items } = pod.spec.template.spec.volumes.find(
      (each: { secret?: object }) => each.secret,
    ).secret;
    expect(secretName).to.equal('dropship-product-finder-worker');
    for (const { key, path } of items)
      writeFileSync(join(folder, path), `${given[key as keyof typeof given]}\n`);
    const env = envOf(pod);
    for (const [variable, value] of Object.entries(env))
      if (dirname(value) === '/run/secrets/dpf') env[variable] = join(folder, basename(value));
    const shutdownGrace = String(Number(env.SHUTDOWN_GRACE) / SCALE);
    return {
      ...env,
      HTTP_HOST: '127.0.0.1',
      METRICS_PORT: '0',
      HEALTH_SOCKET: join(folder, `${name}.sock`),
      EBAY_API_URL: given.EBAY_API_URL,
      EBAY_TOKEN_URL: given.EBAY_TOKEN_URL,
      SHUTDOWN_GRACE: shutdownGrace,
      // The longest call that these settings allow.
      EBAY_CALL_TIMEOUT: shutdownGrace,
      MIN_API_CALL_INTERVAL: '0.03',
    };
  }

  async function startPod(name: string, more: Record<string, string> = {}) {
    const env = { ...podEnv(name), ...more };
    const worker = dpf(container.args, env);
    await worker.waitForLine(/worker started/);
    /** The exit code of the pod's probe. */
    const probe = () => {
      const [command, ...args] = container.livenessProbe.exec.command;
      return spawnSync(command, args, { env: { PATH: process.env.PATH, ...env } }).status;
    };
    return { worker, probe };
  }

  it('hands back its work within the grace of the pod; the next one collects the rest, and follows a change of its ConfigMap without a restart', async () => {
    expect(JSON.parse(imageLine('ENTRYPOINT'))).to.deep.equal(['node', 'dist/main.js']);
    const { producer, simulator, calls } = fleet;
    simulator.controls.configure({ latencyMs: [50, 150] });
    simulator.controls.arm({ fault: 'hang', count: HUNG });
    const searches = await producer.enqueueMany(
      Array.from({ length: SEARCHES }, (_, index) => ({ query: 'phone case', maxItems: 201 + index })),
    );
    const log = () => simulator.controls.log({ kind: 'search' });
    const first = await startPod('first');
    await waitFor('answers beside hung calls', () => {
      const answered = log().filter(({ delivered }) => delivered === true);
      return answered.length > 0 && log().filter(({ fault }) => fault === 'hang').length === HUNG;
    });
    expect(first.probe()).to.equal(0);

    // Kubernetes sends SIGTERM, and SIGKILL after the grace: that would be no exit code.
    const before = log().filter(({ delivered }) => delivered === true).length;
    expect(await first.worker.stop(graceMs)).to.equal(0);
    expect(first.worker.output).to.match(/"stopped"/);
    expect(first.probe()).to.equal(1);
    const atStop = log().filter(({ delivered }) => delivered === true).length;
    expect(atStop).to.be.within(before, SEARCHES * 2 - HUNG);
    const jobs = await calls.getJobs();
    expect(Math.max(...jobs.map(({ stalledCounter }) => stalledCounter))).to.equal(0);

    // As the kubelet does it: files are links into `..data`, which is replaced by one rename.
    const change = (minApiCallInterval: number) => {
      const version = `..${minApiCallInterval}`;
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'settings.json'), JSON.stringify({ pace: { minApiCallInterval } }));
      symlinkSync(version, join(folder, '..next'));
      renameSync(join(folder, '..next'), join(folder, '..data'));
    };
    change(0.04);
    symlinkSync('..data/settings.json', join(folder, 'settings.json'));
    const second = await startPod('second', {
      CONFIG_FILE: join(folder, 'settings.json'),
      MIN_API_CALL_INTERVAL: '',
    });
    expect(second.worker.output).to.include('"interval":0.04');
    for (const { searchId } of searches) {
      const { summary } = await producer.waitFor(searchId, { timeoutMs: 30_000 });
      expect(summary).to.include({ outcome: 'complete' });
    }
    const wasHung = ({ fault }: { fault: string | null }) => fault === 'hang';
    expect(log().filter((entry) => !wasHung(entry))).to.have.length(SEARCHES * 2);
    expect(log().filter(wasHung)).to.have.length(HUNG);
    expect(second.worker.output).to.not.match(/worker that died/);
    const versions = () =>
      [...second.worker.output.matchAll(/configuration (?:published|applied)","version":(\d+)/g)].map(
        ([, version]) => Number(version),
      );
    const former = Math.max(0, ...versions());
    change(0.25);
    await waitFor('the change', () => Math.max(0, ...versions()) > former, 60_000);
    expect(await second.worker.stop(graceMs)).to.equal(0);
  });
});
