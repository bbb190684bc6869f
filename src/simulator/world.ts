import { Catalogue } from './catalogue/catalogue.ts';
import { Armory } from './faults/registry.ts';
import { RequestLog } from './log.ts';
import { hash, type Random, randomFrom } from './random.ts';
import { REAL_LIFE, Search, type Unsteadiness } from './search/search.ts';
import { type Credential, DEMO_CREDENTIALS, Tokens } from './tokens.ts';

/** Everything that one simulator knows: what requests read and controls change. */
export interface World {
  readonly options: SimulatorOptions;
  readonly origin: string;
  readonly catalogue: Catalogue;
  readonly search: Search;
  readonly tokens: Tokens;
  readonly armory: Armory;
  readonly log: RequestLog;
  /** Milliseconds that every eBay answer takes, or a range. */
  latencyMs: number | readonly [low: number, high: number];
  /** Dice for latency. */
  readonly random: Random;
  /** Aborted when the simulator closes: nothing waits beyond that. */
  readonly closing: AbortSignal;
}

export function createWorld(options: SimulatorOptions, origin: string, closing: AbortSignal): World {
  const { seed, catalogueScale: scale, today } = options;
  const catalogue = new Catalogue({ seed, scale, today: today.getTime() });
  return {
    options,
    origin,
    catalogue,
    search: new Search(catalogue, origin, options.unsteady),
    tokens: new Tokens(options.credentials, options.tokenLifetime),
    armory: new Armory(randomFrom(hash(seed, 'faults'))),
    log: new RequestLog(),
    latencyMs: options.latencyMs,
    random: randomFrom(hash(seed, 'latency')),
    closing,
  };
}

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
  /** How often pages repeat items, come short, or change their total. Default `REAL_LIFE`. */
  readonly unsteady: Unsteadiness;
  /** The day that all dates hang on. Default: today, midnight UTC. */
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
