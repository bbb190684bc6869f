import type { Redis } from 'ioredis';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { type Loss, lossText } from '../fleet/loss.ts';
import { type Health, liveness } from '../http/operations.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { redisAhead } from '../redis/fitness.ts';
import type { TenantWorker } from './tenantWorkers.ts';

/** One sentence for each reason: `blocking` ones need a person, `degraded` ones pass by themselves. */
interface HealthReport {
  blocking: string[];
  degraded: string[];
}

/** A worker, for the health of its process. */
export interface WorkerHealth {
  /** False while it waits for Redis to start. */
  readonly started: boolean;
  /** False once it takes no jobs although it has started. */
  readonly running: boolean;
  health(): Promise<HealthReport>;
}

/** A clock that is off by this makes a log hard to compare with those of others. Work follows Redis's clock. */
export const MAX_CLOCK_DIFFERENCE_MS = 5000;

/**
 * The health of this process: alive while its event loop turns and its worker runs; ready while Redis answers and,
 * where a worker runs, eBay does not refuse the keyset. Reasons that pass by themselves, such as a cool-down or a used-up day,
 * are reported as degraded, and so are a loss of Redis's data and a wrong clock. A server without a worker needs no token.
 */
export function processHealth(
  lifecycle: Lifecycle,
  redis: Redis,
  fleet: { readonly loss: Loss | undefined },
  worker?: WorkerHealth,
): Health {
  const stopped = () => (worker === undefined || worker.running ? [] : ['the worker does not run']);
  return {
    live: liveness(lifecycle, stopped),
    async ready() {
      const [{ redisTrouble, wrongClock }, { blocking, degraded }] = await Promise.all([
        troubleWithRedis(redis),
        worker?.health() ?? { blocking: [], degraded: [] },
      ]);
      const starting = worker?.started === false ? ['the worker has not started yet'] : [];
      const reasons = [...starting, ...stopped(), ...redisTrouble, ...blocking];
      // Without names: nobody needs a key to see this.
      const lost = fleet.loss === undefined ? [] : [`${lossText(fleet.loss)}: dpf doctor says what is gone`];
      return { ready: reasons.length === 0, reasons, degraded: [...lost, ...wrongClock, ...degraded] };
    },
  };
}

async function troubleWithRedis(redis: Redis) {
  try {
    const ahead = Math.abs(await redisAhead(redis));
    const apart = `Redis’s clock and this machine’s are ${Math.round(ahead / 1000)} s apart`;
    return { redisTrouble: [], wrongClock: ahead > MAX_CLOCK_DIFFERENCE_MS ? [apart] : [] };
  } catch {
    return { redisTrouble: ['Redis does not answer'], wrongClock: [] };
  }
}

/** Tokens and gates of the tenants. A Redis that does not answer is reported elsewhere. */
export async function tenantsHealth(tenants: readonly TenantWorker[]): Promise<HealthReport> {
  const report: HealthReport = { blocking: [], degraded: [] };
  const add = async ({ name, auth, gate, wrongKeys }: TenantWorker) => {
    const wrong = await wrongKeys();
    if (wrong.length > 0)
      report.blocking.push(`another program’s jobs are in the place of ${wrong.join(', ')}`);
    const [{ coolDown, credentialRefused }, { closed }] = await Promise.all([auth.status(), gate.read()]);
    const of = name === DEFAULT_TENANT ? '' : ` of tenant ${name}`;
    // Only a person can repair a refused keyset, so a release with a wrong one must not count as ready.
    if (coolDown !== null)
      report[credentialRefused ? 'blocking' : 'degraded'].push(
        `the token${of} cannot be had before ${coolDown.until}: ${coolDown.reason}`,
      );
    if (closed !== undefined)
      report.degraded.push(`calls${of} wait until ${new Date(closed.until).toISOString()}: ${closed.reason}`);
  };
  await Promise.all(tenants.map((tenant) => add(tenant).catch(() => undefined)));
  return report;
}
