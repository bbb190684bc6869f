import { once } from 'node:events';
import { Redis } from 'ioredis';
import { EbayClient } from '../../src/ebay/client.ts';
import { gateSettings } from '../../src/ebay/gate/gateSettings.ts';
import { redisGate } from '../../src/ebay/gate/redisGate.ts';
import { testConfig } from '../../test/support/config.ts';
import { mintToken } from '../../test/support/simulator.ts';

/** One process: four calls at a time, each after 0–300 ms of other work, for ever. */
const { BENCH_EBAY: url = '', BENCH_REDIS = '', BENCH_INTERVAL = '' } = process.env;
const config = testConfig({
  EBAY_API_URL: url,
  MIN_API_CALL_INTERVAL: BENCH_INTERVAL,
  DAILY_CALL_LIMIT: '1000000',
});
const redis = new Redis(BENCH_REDIS);
const gate = redisGate({ redis, prefix: '{bench}', tenant: 'default', settings: gateSettings(config) });
const token = await mintToken(url);
const tokens = {
  getAccessToken: async () => token,
  refreshToken: async () => token,
  cachedToken: async () => token,
  accepted() {},
};
const { browse } = new EbayClient({ config, gate, tokens });
await redis.ping();
process.send?.('ready');
await once(process, 'message');
const loop = async () => {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 300));
    await browse.search({ q: 'phone', limit: '1' }, {}, { class: 'interactive' }).catch(() => undefined);
  }
};
const concurrency = Number(process.env.BENCH_CONCURRENCY ?? 4);
await Promise.all(
  Array.from({ length: Math.max(concurrency, Math.ceil(0.5 / Number(BENCH_INTERVAL))) }, loop),
);
