import { Catalogue } from './catalogue/catalogue.ts';
import { FaultInjector } from './faults.ts';
import { RequestLog } from './log.ts';
import { hash, randomFrom } from './random.ts';
import { REAL_LIFE, Search, type Unsteadiness } from './search/search.ts';
import { type Credential, DEMO_CREDENTIALS, Tokens } from './tokens.ts';

export interface SimulatorOptions {
  /** Address to listen on. Default 127.0.0.1. */
  readonly host: string;
  /** Default 0: any free port. */
  readonly port: number;
  /** Origin for pictures and item pages, where clients see another one than the listening address. */
  readonly publicUrl: string | null;
  /** Same seed, same day: same eBay. Default 1. */
  readonly seed: number;
  /** Each has its own tokens and quota. Default: `DEMO_CREDENTIALS` alone. */
  readonly credentials: readonly Credential[];
  /** Seconds that a token is announced to live. Default 7200, as at eBay. */
  readonly tokenLifetime: number;
  /** Time to answer in ms, fixed or drawn from a range. Default 0. */
  readonly latencyMs: number | readonly [low: number, high: number];
  /** Size of the catalogue: 1 is about 160,000 listings on EBAY_US. */
  readonly catalogueScale: number;
  /** How often pages repeat items, are short, or change their total. Default `REAL_LIFE`. */
  readonly unsteady: Unsteadiness;
  /** The day that all dates depend on. Default: today, midnight UTC. */
  readonly today: Date;
}

export function withDefaults(options: Partial<SimulatorOptions>): SimulatorOptions {
  return {
    host: '127.0.0.1',
    port: 0,
    publicUrl: null,
    seed: 1,
    credentials: [DEMO_CREDENTIALS],
    tokenLifetime: 7200,
    latencyMs: 0,
    catalogueScale: 1,
    unsteady: REAL_LIFE,
    today: new Date(new Date().toISOString().slice(0, 10)),
    ...options,
  };
}

/** Everything that one simulator knows: what requests read and controls change. */
export type World = ReturnType<typeof createWorld>;

/** @param origin of pictures and item pages @param closing aborted when the simulator closes: nothing waits longer */
export function createWorld(options: SimulatorOptions, origin: string, closing: AbortSignal) {
  const { seed, catalogueScale: scale, today } = options;
  const catalogue = new Catalogue({ seed, scale, today: today.getTime() });
  return {
    origin,
    closing,
    catalogue,
    search: new Search(catalogue, origin, options.unsteady),
    tokens: new Tokens(options.credentials, options.tokenLifetime),
    faults: new FaultInjector(randomFrom(hash(seed, 'faults'))),
    log: new RequestLog(),
    /** Milliseconds that every eBay answer takes, or a range. */
    latencyMs: options.latencyMs,
    /** Dice for latency. */
    random: randomFrom(hash(seed, 'latency')),
  };
}
