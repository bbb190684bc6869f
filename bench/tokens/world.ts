import { Redis } from 'ioredis';
import { loadConfig } from '../../src/config/load.ts';
import { redisOptions } from '../../src/redis/connection.ts';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { startTcpProxy, type TcpProxy } from '../../test/support/tcpProxy.ts';
import { TokenFleet } from '../../test/support/tokenFleet.ts';

export const PROCESSES = 8;

/** A fleet of real processes, a real Redis behind a proxy, and an eBay; fresh for every scenario. */
export class World {
  readonly redis: EmbeddedRedis;
  readonly simulator: Simulator;
  readonly proxy: TcpProxy;
  readonly fleet = new TokenFleet();

  private constructor(redis: EmbeddedRedis, simulator: Simulator, proxy: TcpProxy) {
    this.redis = redis;
    this.simulator = simulator;
    this.proxy = proxy;
  }

  static async open(env: Record<string, string> = {}, tokenLifetime = 7200): Promise<World> {
    const redis = await startTestRedis();
    const simulator = await startSimulator({ catalogueScale: 0.05, unsteady: STEADY, tokenLifetime });
    const world = new World(redis, simulator, await startTcpProxy(redis.port));
    await world.fleet.start(PROCESSES);
    await world.fleet.ask('configure', { env: { ...world.env(), ...env } });
    // Warm code paths and connections, not the token.
    await world.fleet.ask('look', {});
    return world;
  }

  env(): Record<string, string> {
    return {
      REDIS_URL: `redis://127.0.0.1:${this.proxy.port}/0`,
      EBAY_CLIENT_ID: DEMO_CREDENTIALS.clientId,
      EBAY_CLIENT_SECRET: DEMO_CREDENTIALS.clientSecret,
      EBAY_TOKEN_URL: `${this.simulator.url}/identity/v1/oauth2/token`,
      EBAY_API_URL: this.simulator.url,
      MIN_API_CALL_INTERVAL: '0',
      DAILY_CALL_LIMIT: '1000000',
    };
  }

  /** A connection of this process, and the settings that go with it. */
  connect(env: Record<string, string> = {}) {
    const config = loadConfig({ env: { ...this.env(), ...env }, files: [] });
    const redis = new Redis(config.redis.url, redisOptions(config.redis, 'caller'));
    redis.on('error', () => undefined);
    return { config, redis };
  }

  /** Token requests that eBay has seen. */
  get mints(): number {
    return this.simulator.controls.log({ kind: 'token' }).length;
  }

  async close(): Promise<void> {
    await this.fleet.end();
    await this.proxy.close();
    await this.simulator.close();
    await this.redis.stop();
  }
}
