import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultSpec } from '../../src/simulator/faults.ts';
import type { Canaries } from './canaries.ts';
import { newSecret, type PlantedService } from './plantedService.ts';
import { builtProgram, type RunningProcess } from './processes.ts';
import { BREAKAGES } from './storedJobs.ts';
import { waitFor } from './waitFor.ts';

const ON_TOKENS = { on: { endpoint: 'token' } } as const;

/** What the simulator can do to a call and to a token request, each once. */
const FAULTS: FaultSpec[] = [
  { fault: 'status', status: 503, count: 3 },
  { fault: 'expired-token', count: 1 },
  { fault: 'rate-limited', retryAfter: 0, count: 1 },
  { fault: 'hang', count: 1 },
  { fault: 'reset', count: 3 },
  { fault: 'truncated', count: 2 },
  { fault: 'malformed', count: 2 },
  { fault: 'html', count: 2 },
  { fault: 'huge-body', count: 2 },
  { fault: 'odd-items', count: 1 },
  { fault: 'redirect', count: 2 },
  { fault: 'slow-body', count: 1 },
  { fault: 'status', status: 500, count: 2, ...ON_TOKENS },
  { fault: 'oauth-refusal', count: 1, ...ON_TOKENS },
  { fault: 'oauth-refusal', error: 'invalid_scope', count: 1, ...ON_TOKENS },
  { fault: 'html', count: 1, ...ON_TOKENS },
  { fault: 'malformed', count: 1, ...ON_TOKENS },
  { fault: 'hang', count: 1, ...ON_TOKENS },
  { fault: 'reset', count: 2, ...ON_TOKENS },
];

/** Everything that eBay may do. */
export async function ebayFails(service: PlantedService): Promise<void> {
  const { controls } = service.simulator;
  for (const fault of FAULTS) {
    controls.arm(fault);
    const isOfTokens = fault.on !== undefined || fault.fault === 'expired-token';
    if (isOfTokens) controls.revokeTokens();
    await service.search();
    if (isOfTokens) await service.noteTokens();
  }
  controls.clear();
}

/** eBay, or a proxy on the way, repeats what it was sent in what it answers, searches and token requests alike. */
export async function ebayRepeats(service: PlantedService, forms = formsOf): Promise<void> {
  const { simulator, canaries } = service;
  const { controls } = simulator;
  const texts = sent(canaries).flatMap(forms);
  await Promise.all(
    texts.map((text, index) => {
      const q = `echo ${index}`;
      controls.arm({ fault: 'status', status: 400, body: errorBody(text), on: { q } });
      return service.search(q);
    }),
  );
  const body = JSON.stringify({ error: 'invalid_request', error_description: texts.join(' ') });
  controls.arm({ fault: 'status', status: 400, body, count: 2, ...ON_TOKENS });
  controls.revokeTokens();
  await Promise.all([service.search(), service.search()]);
  const warnings = sent(canaries).map((text) => ({ errorId: 12_008, message: `unknown ${text}` }));
  controls.arm({ fault: 'fields', set: { warnings }, count: 2 });
  await Promise.all([service.search(), service.search()]);
  controls.clear();
}

/** It never gets an API key. Of the tokens, which all come the same way, the first and the latest two. */
function sent(canaries: Canaries): string[] {
  const named = [...canaries].filter(([name]) => !name.startsWith('API key'));
  const tokens = named.filter(([name]) => name.startsWith('token '));
  const left = new Set(tokens.slice(1, -2));
  return named.flatMap((each) => (left.has(each) ? [] : [each[1]]));
}

function formsOf(text: string): string[] {
  return [text, Buffer.from(text).toString('base64'), encodeURIComponent(text)];
}

/** eBay's error shape around a text. */
function errorBody(text: string): string {
  return JSON.stringify({ errors: [{ errorId: 12_001, message: `no ${text}`, longMessage: `no ${text}` }] });
}

/** Somebody writes a secret into a file where only its place belongs, and every process is signalled to read it. */
export async function aSecretIsMisplaced(
  { tenantsFile, canaries }: PlantedService,
  processes: readonly RunningProcess[],
): Promise<void> {
  const right = readFileSync(tenantsFile, 'utf8');
  const clientSecret = newSecret('misplaced');
  canaries.set('misplaced secret', clientSecret);
  writeFileSync(tenantsFile, JSON.stringify({ tenants: { toys: { clientSecret } } }));
  for (const each of processes) each.signal('SIGHUP');
  await Promise.all(processes.map((each) => each.waitForLine(/configuration refused/)));
  writeFileSync(tenantsFile, right);
}

/** Unreadable jobs in both queues. */
export async function jobsAreOverwritten({ redis, search }: PlantedService): Promise<void> {
  const breakages = Object.values(BREAKAGES);
  const id = await search();
  for (const queue of ['ebay-search', 'ebay-calls'])
    for (const [index, breakIt] of breakages.entries()) {
      const key = `{ebay}:${queue}:broken-${index}`;
      await redis.hset(key, { name: 'search', data: '{}', opts: '{}', timestamp: Date.now(), of: id });
      await breakIt(redis, key);
      await redis.lpush(`{ebay}:${queue}:wait`, `broken-${index}`);
    }
}

/** A worker whose log lies in a file, where soon no more fits. */
export async function startOnAFullDisk({ env, folder }: PlantedService): Promise<ChildProcess> {
  const log = join(folder, 'worker.log');
  const file = openSync(log, 'a');
  const child = spawn(process.execPath, [builtProgram(), 'worker'], {
    env: { PATH: process.env.PATH, ...env, METRICS_PORT: '' },
    stdio: ['ignore', 'ignore', file],
  });
  closeSync(file);
  await waitFor('the worker', () => readFileSync(log, 'utf8').includes('worker started'), 30_000);
  execFileSync('prlimit', [`--fsize=${statSync(log).size + 5000}`, '--pid', String(child.pid)]);
  return child;
}

/** A worker dies in the middle of a call, while the other one stands still. The search that it leaves ends much later. */
export async function aWorkerDies(
  { simulator, search }: PlantedService,
  worker: ChildProcess,
  other: RunningProcess,
): Promise<{ left: Promise<unknown> }> {
  const q = 'the last one';
  simulator.controls.clearLog();
  simulator.controls.arm({ fault: 'hang', on: { q } });
  other.signal('SIGSTOP');
  const left = search(q);
  const struck = () => simulator.controls.log({ kind: 'search' }).some(({ fault }) => fault === 'hang');
  await waitFor('the call', struck);
  worker.kill('SIGKILL');
  simulator.controls.clear();
  other.signal('SIGCONT');
  return { left };
}
