import { openProducer } from '../../src/app/producer.ts';
import { startServeApp } from '../../src/app/serve.ts';
import { startWorkerApp } from '../../src/app/worker.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Lifecycle } from '../../src/lifecycle.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { serviceEnv } from '../../test/support/service.ts';

/** Redis, eBay, a worker and the page. */
export async function openHouse() {
  const lifecycle = new Lifecycle();
  const redis = lifecycle.opened('Redis', await startEmbeddedRedis(), (r) => r.stop());
  const simulator = lifecycle.opened('simulator', await startSimulator({ unsteady: STEADY }), (s) =>
    s.close(),
  );
  const env = serviceEnv(redis.url, simulator.url, {
    MIN_API_CALL_INTERVAL: '0',
    HTTP_WITHOUT_KEYS: 'true',
    HTTP_PORT: '0',
    LOG_LEVEL: 'error',
  });
  const config = loadConfig({ env, files: [] });
  const log = new LogRoot(config.log);
  lifecycle.opened('worker', await startWorkerApp(config, log), (worker) => worker.stop());
  const serve = lifecycle.opened('page', await startServeApp(config, log), (app) => app.stop());
  const producer = lifecycle.opened('producer', openProducer(config, { log }), (opened) => opened.close());
  await producer.ready();
  return {
    /** The address of a search with so many products. @throws Error when eBay has fewer */
    async search(maxItems: number): Promise<string> {
      const { searchId } = await producer.enqueue({ query: 'phone case', maxItems });
      const { summary } = await producer.waitFor(searchId);
      if (summary?.counts.products !== maxItems)
        throw new Error(`wanted ${maxItems} products, got ${summary?.counts.products ?? 'none'}`);
      return `${serve.url}/searches/${searchId}`;
    },
    close: () => lifecycle.stop(10_000),
  };
}
