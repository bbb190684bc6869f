import { Catalogue } from './catalogue/catalogue.ts';
import { Armory } from './faults/armory.ts';
import { RequestLog } from './log.ts';
import type { SimulatorOptions } from './options.ts';
import { hash, type Random, randomFrom } from './random.ts';
import { Search } from './search/search.ts';
import { Tokens } from './tokens.ts';

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
