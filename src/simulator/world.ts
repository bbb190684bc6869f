import { Catalogue } from './catalogue/catalogue.ts';
import { createFaults } from './faults.ts';
import { RequestLog } from './log.ts';
import { createMarket, type MarketOptions } from './market/market.ts';
import { Notices } from './notices.ts';
import { hash, randomFrom } from './random.ts';
import { createSearch, REAL_LIFE } from './search/search.ts';
import { type Credential, DEMO_CREDENTIALS, Tokens } from './tokens.ts';

/** What a simulator can be started with. The settings below `today` may change while it runs. */
export type SimulatorOptions = Readonly<ReturnType<typeof defaults>>;

export function defaults() {
  return {
    /** Address to listen on. */
    host: '127.0.0.1',
    /** 0: any free port. */
    port: 0,
    /** Origin for pictures and item pages, where clients see another one than the listening address. */
    publicUrl: null as string | null,
    /** Same seed, same day: same eBay. */
    seed: 1,
    /** Each has its own tokens and quota. */
    credentials: [DEMO_CREDENTIALS] as readonly Credential[],
    /** Size of the catalogue: 1 is about 160,000 listings on EBAY_US. */
    catalogueScale: 1,
    /** Listings that appear, change and end while the simulator runs, beside the catalogue's; null: none do. */
    market: null as MarketOptions | null,
    /** The day that all dates depend on: the current one, midnight UTC. */
    today: new Date(new Date().toISOString().slice(0, 10)),
    /** Time that every eBay answer takes, in ms, or a range that it is drawn from. */
    latencyMs: 0 as number | readonly [low: number, high: number],
    /** How often pages repeat items, are short, or change their total. */
    unsteady: REAL_LIFE,
    /** How fast exchange rates move: 1 is slowly, about 0.05 % an hour; 0 keeps them as they are at the start. */
    rateSpeed: 1,
    /** Seconds that a token is announced to live, as at eBay. */
    tokenLifetime: 7200,
    /** Seconds for which tokens minted from now on really work; null: as announced. */
    tokenValidity: null as number | null,
  };
}

/** Everything that one simulator knows: what requests read and controls change. */
export type World = ReturnType<typeof createWorld>;

/** @param origin of pictures and item pages @param closing aborted when the simulator closes: nothing waits longer */
export function createWorld(options: SimulatorOptions, origin: string, closing: AbortSignal) {
  const {
    seed,
    catalogueScale: scale,
    today,
    latencyMs,
    unsteady,
    rateSpeed,
    tokenLifetime,
    tokenValidity,
  } = options;
  const market = options.market && createMarket(options.market, seed, today.getTime());
  const catalogue = new Catalogue({ seed, scale, today: today.getTime() }, market);
  catalogue.rates.setSpeed(rateSpeed);
  return {
    origin,
    closing,
    catalogue,
    market,
    settings: { latencyMs, unsteady, rateSpeed, tokenLifetime, tokenValidity },
    search: createSearch(catalogue, origin),
    tokens: new Tokens(options.credentials),
    faults: createFaults(randomFrom(hash(seed, 'faults'))),
    notices: new Notices(closing),
    log: new RequestLog(),
    /** Dice for latency. */
    random: randomFrom(hash(seed, 'latency')),
  };
}
