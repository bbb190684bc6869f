import type { Config } from '../config/config.ts';
import { announceLoss } from '../queue/announce.ts';
import type { QueueContext } from '../queue/context.ts';
import type { FleetMetrics } from '../telemetry/fleetMetrics.ts';
import { type Duty, startDuty } from './duty.ts';
import { COUNT_EVERY, countRound } from './queueGauges.ts';
import { type QuotaSource, quotaRound } from './quotaDuty.ts';
import { Sweep } from './sweep.ts';

export interface Upkeep {
  /** A worker received something that it could not read: looks at once at what is being worked on. Never rejects. */
  inspect(queue: string): Promise<void>;
  /** Hands every duty to others. */
  stop(): Promise<void>;
}

/** Far beyond the limit that workers apply themselves, so that theirs comes first with its better reason. */
const STALLS_BEYOND_LIMIT = 10;

/** The duties that one process of the fleet has for one tenant's queues. */
export function startUpkeep(
  context: QueueContext,
  config: Config,
  ebay: QuotaSource,
  fleet: FleetMetrics,
): Upkeep {
  const { redis, searches, calls, metrics, log } = context;
  const { prefix } = config.queue;
  const sweep = new Sweep({
    redis,
    prefix,
    searches: searches.name,
    calls: calls.name,
    searchLost: (searchId, timestamp, why) => announceLoss(context, { searchId, timestamp }, why),
    removePage: async (id) => (await calls.remove(id)) === 1,
    mostStalls: config.worker.maxRestarts + STALLS_BEYOND_LIMIT,
    metrics,
    log,
  });
  const duty = (name: string, everySeconds: number, work: (signal: AbortSignal) => Promise<void>): Duty =>
    startDuty({ name: `${calls.name}:${name}`, redis, prefix, everyMs: everySeconds * 1000, work, log });
  const duties = [
    duty('quota', config.pace.reconcileInterval, quotaRound(ebay)),
    duty('sweep', config.worker.sweepInterval, (signal) => sweep.round(signal)),
    duty('gauges', COUNT_EVERY, countRound(context, fleet)),
  ];
  return {
    inspect: (queue) => sweep.active(queue).catch(() => undefined), // Redis is away: the next round will find it.
    async stop() {
      await Promise.all(duties.map((each) => each.stop()));
    },
  };
}
