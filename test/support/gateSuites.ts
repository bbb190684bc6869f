import { inMemory, inRedis, type MakeGate } from './gates.ts';
import { useRedis } from './redis.ts';

/** Runs the same tests over both gates: one process without Redis, and the fleet's. */
export function forBothGates(title: string, tests: (gate: MakeGate) => void): void {
  describe(`${title} (in memory)`, () => tests(inMemory));
  describe(`${title} (in Redis)`, () => {
    const redis = useRedis();
    tests((own, log) => inRedis(() => redis.connect())(own, log));
  });
}
