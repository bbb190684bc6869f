import { setTimeout as sleep } from 'node:timers/promises';
import { startTestRedis } from '../../test/support/redis.ts';
import { together } from '../../test/support/tokenFleet.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { PROCESSES, World } from './world.ts';

export interface Row {
  scenario: string;
  promised: string;
  figure: Record<string, number | string>;
  kept: boolean;
}

/** Settings of an hour in `hour` seconds. */
function scaled(hour: number, overrides: Record<string, string> = {}) {
  const seconds = (real: number) => String(Number(((real * hour) / 3600).toFixed(4)));
  return {
    life: (7200 * hour) / 3600,
    env: {
      TOKEN_CACHE_TIME: seconds(3300),
      TOKEN_EXPIRY_BUFFER: seconds(300),
      TOKEN_REFRESH_AHEAD: seconds(60),
      TOKEN_FAILURE_BACKOFF: seconds(2),
      MAX_TOKEN_FAILURE_BACKOFF: seconds(300),
      CREDENTIAL_REFUSED_BACKOFF: seconds(1800),
      TOKEN_REQUEST_INTERVAL: seconds(1),
      ...overrides,
    },
  };
}

const failed = (failures: Record<string, number>) =>
  Object.values(failures).reduce((sum, times) => sum + times, 0);

async function cold(): Promise<Row> {
  const world = await World.open();
  const { tokens, failures } = together(await world.fleet.ask('get', { callers: 100 }));
  const figure = { mints: world.mints, tokens: tokens.length, failed: failed(failures) };
  await world.close();
  const kept = figure.mints === 1 && figure.tokens === 1 && figure.failed === 0;
  return { scenario: '8 processes × 100 callers, empty cache', promised: '1 mint, all served', figure, kept };
}

async function storm(): Promise<Row> {
  const world = await World.open();
  await world.fleet.ask('search', { callers: 1 });
  const before = world.mints;
  const searches = () => world.simulator.controls.log({ kind: 'search' }).length;
  const already = searches();
  world.simulator.controls.configure({ latencyMs: 4000 });
  const searching = world.fleet.ask('search', { callers: 40 });
  await waitFor('all calls in flight', () => searches() - already >= PROCESSES * 40);
  world.simulator.controls.revokeTokens();
  world.simulator.controls.configure({ latencyMs: 20 });
  const outcomes = await searching;
  const figure = {
    mints: world.mints - before,
    calls: searches() - already,
    mostAttempts: Math.max(...outcomes.map(({ mostAttempts }) => mostAttempts)),
    failed: failed(together(outcomes).failures),
  };
  await world.close();
  return {
    scenario: '8 processes × 40 calls in flight, token revoked',
    promised: '1 mint, every call replayed at most once, 0 failed',
    figure,
    kept: figure.mints === 1 && figure.mostAttempts <= 2 && figure.failed === 0,
  };
}

async function stale(): Promise<Row> {
  const world = await World.open();
  const [old] = together(await world.fleet.ask('get', { callers: 1 })).tokens as [string];
  await world.fleet.workers[0]?.ask('refuse', { token: old, times: 1 });
  const before = world.mints;
  await world.fleet.workers[1]?.ask('refuse', { token: old, times: 10 });
  const figure = { mints: world.mints - before };
  await world.close();
  return {
    scenario: '10 late refusals of one old token',
    promised: '0 mints',
    figure,
    kept: figure.mints === 0,
  };
}

async function killedMinter(): Promise<Row> {
  const lockTime = 5;
  const world = await World.open({ TOKEN_LOCK_TIME: String(lockTime), TOKEN_REQUEST_TIMEOUT: '4' });
  const { fleet, simulator } = world;
  simulator.controls.arm({ fault: 'hang', count: 1, on: { endpoint: 'token' } });
  const began = performance.now();
  const asked = fleet.workers.map((worker) => worker.ask('get', { callers: 10 }).catch(() => undefined));
  const waits = async () => (await fleet.ask('look', {})).map((look) => look.waits);
  await waitFor('all but one to wait', async () => (await waits()).filter((n) => n === 0).length === 1);
  await fleet.workers[(await waits()).indexOf(0)]?.end('SIGKILL');
  const outcomes = (await Promise.all(asked)).filter((outcome) => outcome !== undefined);
  const figure = {
    furtherMints: world.mints - 1,
    servedProcesses: outcomes.length,
    failed: failed(together(outcomes).failures),
    servedAfterS: Number(((performance.now() - began) / 1000).toFixed(2)),
  };
  await world.close();
  return {
    scenario: 'minting process SIGKILLed holding the lock',
    promised: `1 further mint, the others served within lock time (${lockTime} s) + 1 s`,
    figure,
    kept:
      figure.furtherMints === 1 &&
      figure.servedProcesses === PROCESSES - 1 &&
      figure.failed === 0 &&
      figure.servedAfterS <= lockTime + 1,
  };
}

async function redisRestarted(): Promise<Row> {
  const world = await World.open();
  const { fleet, proxy } = world;
  await fleet.ask('get', { callers: 1 });
  await fleet.ask('load', { everyMs: 20 });
  await world.redis.stop();
  await sleep(3000);
  const again = await startTestRedis();
  proxy.targetPort = again.port;
  const began = performance.now();
  await waitFor('one token again', async () => {
    const looks = await fleet.ask('look', {});
    return (
      looks.every(({ source }) => source === 'redis') && new Set(looks.map(({ token }) => token)).size === 1
    );
  });
  const oneTokenAfterS = Number(((performance.now() - began) / 1000).toFixed(2));
  const { failures } = together(await fleet.ask('rest', {}));
  const figure = { mints: world.mints - 1, failed: failed(failures), oneTokenAfterS };
  await again.stop();
  await world.close();
  return {
    scenario: 'Redis killed and restarted under load',
    promised: '≤ 1 mint a process, 0 failed calls, one token again within 5 s',
    figure,
    kept: figure.mints <= PROCESSES && figure.failed === 0 && oneTokenAfterS <= 5,
  };
}

async function endpointDown(): Promise<Row> {
  const hour = 20;
  const { env, life } = scaled(hour);
  const world = await World.open(env, life);
  await world.fleet.ask('get', { callers: 1 });
  world.simulator.controls.arm({ fault: 'status', status: 503, on: { endpoint: 'token' } });
  await world.fleet.ask('load', { everyMs: 20 });
  await sleep(hour * 1000);
  world.simulator.controls.clear();
  await waitFor('a token again', async () =>
    (await world.fleet.ask('look', {})).every(({ source }) => source === 'redis'),
  );
  const loads = await world.fleet.ask('rest', {});
  const calls = loads.reduce((sum, load) => sum + load.calls, 0);
  const figure = { failed: failed(together(loads).failures), calls, tokenRequests: world.mints };
  await world.close();
  return {
    scenario: `token endpoint down for one hour (1:${3600 / hour})`,
    promised: '0 failed calls',
    figure,
    kept: figure.failed === 0,
  };
}

async function wrongSecret(): Promise<Row> {
  const hour = 20;
  const { env, life } = scaled(hour, { EBAY_CLIENT_SECRET: 'SBX-wrong' });
  const world = await World.open(env, life);
  await world.fleet.ask('load', { everyMs: 50 });
  await sleep(hour * 1000);
  const tokenRequests = world.mints;
  const loads = await world.fleet.ask('rest', {});
  const calls = loads.reduce((sum, load) => sum + load.calls, 0);
  const { failures } = together(loads);
  const figure = { tokenRequests, calls, sayingWhy: failures['credential-refused: invalid_client'] ?? 0 };
  await world.close();
  return {
    scenario: `wrong secret, 8 processes, one hour (1:${3600 / hour})`,
    promised: '≤ 2 token requests, all jobs say why',
    figure,
    kept: figure.tokenRequests <= 2 && figure.sayingWhy === figure.calls,
  };
}

/** 24 hours at 1:60. */
export async function day(minutes = 24): Promise<Row> {
  const { env, life } = scaled(60, { TOKEN_READ_TIMEOUT: '0.5' });
  const world = await World.open(env, life);
  await world.fleet.ask('get', { callers: 1 });
  const first = (await world.fleet.ask('look', {})).reduce((sum, { waited }) => sum + waited, 0);
  await world.fleet.ask('load', { everyMs: 200 });
  await sleep(minutes * 60_000);
  const mints = world.mints;
  const loads = await world.fleet.ask('rest', {});
  const figure = {
    mints,
    calls: loads.reduce((sum, load) => sum + load.calls, 0),
    waitedAfterTheFirst: loads.reduce((sum, load) => sum + load.waited, 0) - first,
    failed: failed(together(loads).failures),
  };
  await world.close();
  return {
    scenario: `${minutes} minutes of 8 processes at 1:60${minutes === 24 ? ', a day' : ''}`,
    promised: '≤ 27 mints, 0 calls that waited for one after the first',
    figure,
    kept: figure.mints <= 27 && figure.waitedAfterTheFirst === 0 && figure.failed === 0,
  };
}

export const SCENARIOS = { cold, storm, stale, killedMinter, redisRestarted, endpointDown, wrongSecret };
