import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../../../test/support/fleet.ts';
import { now } from '../clock.ts';
import { backlog } from '../load.ts';
import { paceOf, timesOf } from '../measure.ts';
import { atMost, beside, type Scenario } from '../scenario.ts';

const INTERVAL_MS = 100;
const KILL_EVERY_MS = 2000;
const STOPPED_MS = 5000;

export const killed: Scenario = {
  name: 'killed',
  title:
    '4 processes, 0.1 s: every 2 s one is SIGKILLed and replaced, and one after another is SIGSTOPped for 5 s',
  seconds: 24,
  async run(bed, seconds) {
    const fleet = await bed.fleet(4, { MIN_API_CALL_INTERVAL: '0.1' }, 300);
    await backlog(fleet, seconds * 10);
    const until = Date.now() + seconds * 1000;
    const [kills, wakings] = await Promise.all([killing(fleet, until, bed.say), stopping(fleet, until)]);
    const calls = bed.arrivals(await fleet.calls());
    await bed.clear();
    const times = timesOf(calls);
    const pace = paceOf(times, INTERVAL_MS);
    // What arrived in the second after each waking.
    const bursts = wakings.map((woken) => times.filter((at) => at >= woken && at < woken + 1000).length);
    return [
      atMost(`gaps below 95 ms (least ${pace.minGapMs.toFixed(1)} ms)`, pace.short, 0),
      atMost('most calls in a sliding second', pace.inASecond, 11),
      atMost(`most calls in the second after one of ${wakings.length} wakings`, Math.max(0, ...bursts), 11),
      beside('processes killed', kills),
      beside('use meanwhile', pace.use),
      beside('longest gap, ms', pace.maxGapMs),
    ];
  },
};

async function killing(fleet: Fleet, until: number, say: (line: string) => void): Promise<number> {
  let kills = 0;
  const replacements: Promise<unknown>[] = [];
  while (Date.now() < until) {
    await sleep(KILL_EVERY_MS);
    say(`SIGKILL every 2 s: ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} s`);
    // Never the one that is stopped just now, which is the first.
    const victim = fleet.workers[1 + Math.floor(Math.random() * (fleet.workers.length - 1))];
    if (victim === undefined) continue;
    victim.signal('SIGKILL');
    fleet.workers.splice(fleet.workers.indexOf(victim), 1);
    kills += 1;
    // One that is killed before it has started is as good a victim.
    replacements.push(fleet.addWorkers(1).catch(() => undefined));
  }
  await Promise.all(replacements);
  return kills;
}

async function stopping(fleet: Fleet, until: number): Promise<number[]> {
  const wakings: number[] = [];
  while (Date.now() + STOPPED_MS < until) {
    const [worker] = fleet.workers;
    worker?.signal('SIGSTOP');
    await sleep(STOPPED_MS);
    worker?.signal('SIGCONT');
    wakings.push(now());
    await sleep(1000);
    // The next one's turn.
    if (worker !== undefined) fleet.workers.push(...fleet.workers.splice(0, 1));
  }
  return wakings;
}
