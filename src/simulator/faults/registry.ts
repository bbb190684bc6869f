import type { RequestKind } from '../log.ts';
import type { Random } from '../random.ts';
import { fields, hugeBody, malformed, oddItems } from './bodyFaults.ts';
import type { Effect, Fault, Struck } from './fault.ts';
import { expiredToken, html, oauthRefusal, rateLimited, redirect, status } from './httpFaults.ts';
import { clock, hang, latency, reset, slowBody, truncated } from './networkFaults.ts';

/** Every fault by the name that arms it. */
export const FAULTS = {
  status,
  'expired-token': expiredToken,
  'rate-limited': rateLimited,
  'oauth-refusal': oauthRefusal,
  latency,
  hang,
  reset,
  truncated,
  malformed,
  html,
  'slow-body': slowBody,
  'huge-body': hugeBody,
  fields,
  'odd-items': oddItems,
  redirect,
  clock,
};

type Faults = typeof FAULTS;
export type FaultName = keyof Faults;

/** A fault's name together with its own parameters. */
export type FaultChoice = {
  [Name in FaultName]: { readonly fault: Name } & (Faults[Name] extends Fault<infer Parameters>
    ? Parameters
    : never);
}[FaultName];

export function isFaultName(name: unknown): name is FaultName {
  return typeof name === 'string' && Object.hasOwn(FAULTS, name);
}

export function strike(choice: FaultChoice, struck: Struck): Effect {
  const fault = FAULTS[choice.fault] as Fault<FaultChoice>;
  return fault(choice, struck);
}

/** Which requests a fault may strike; what is not named does not matter. */
export interface Target {
  readonly endpoint?: RequestKind;
  readonly marketplace?: string;
  readonly q?: string;
  readonly offset?: number;
  /** A client id. */
  readonly credential?: string;
}

/** When it strikes. Neither `count` nor `share`: every time until cleared. */
export interface Trigger {
  /** Default: every search and item call. */
  readonly on?: Target;
  /** Lets this many fitting requests pass first. */
  readonly skip?: number;
  /** Strikes this many times, then is gone. */
  readonly count?: number;
  /** Strikes this share of the fitting requests, 0 to 1, by the simulator's seeded dice. */
  readonly share?: number;
}

export type FaultSpec = FaultChoice & Trigger;

export interface ArmedFault {
  readonly id: number;
  readonly spec: FaultSpec;
  /** Requests that it has struck. */
  readonly struck: number;
}

export interface Request {
  readonly kind: RequestKind;
  readonly marketplace: string;
  readonly query: URLSearchParams;
  readonly credential: string | null;
}

interface Loaded {
  readonly id: number;
  readonly spec: FaultSpec;
  seen: number;
  struck: number;
}

/** The faults that lie ready, each struck by its own rule. */
export class Armory {
  private loaded: Loaded[] = [];
  private ids = 0;
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** Arms a fault and answers its id. */
  arm(spec: FaultSpec): number {
    this.ids += 1;
    this.loaded.push({ id: this.ids, spec, seen: 0, struck: 0 });
    return this.ids;
  }

  /** Disarms one fault, or all. */
  clear(id?: number): void {
    this.loaded = id === undefined ? [] : this.loaded.filter((fault) => fault.id !== id);
  }

  armed(): ArmedFault[] {
    return this.loaded.map(({ id, spec, struck }) => ({ id, spec, struck }));
  }

  /** The effects on this request, in the order in which their faults were armed. */
  effects(request: Request, struck: Omit<Struck, 'random' | 'kind'>): { name: string; effect: Effect }[] {
    const striking = this.loaded.filter((fault) => fits(fault.spec.on, request) && this.strikes(fault));
    this.loaded = this.loaded.filter(({ spec, struck }) => spec.count === undefined || struck < spec.count);
    return striking.map(({ spec }) => ({
      name: spec.fault,
      effect: strike(spec, { ...struck, kind: request.kind, random: this.random }),
    }));
  }

  private strikes(fault: Loaded): boolean {
    const { skip = 0, share } = fault.spec;
    fault.seen += 1;
    if (fault.seen <= skip || (share !== undefined && this.random() >= share)) return false;
    fault.struck += 1;
    return true;
  }
}

function fits(target: Target | undefined, { kind, marketplace, query, credential }: Request): boolean {
  if (target?.endpoint === undefined ? kind !== 'search' && kind !== 'item' : target.endpoint !== kind) {
    return false;
  }
  return (
    (target?.marketplace === undefined || target.marketplace === marketplace) &&
    (target?.q === undefined || target.q === query.get('q')) &&
    (target?.offset === undefined || String(target.offset) === (query.get('offset') ?? '0')) &&
    (target?.credential === undefined || target.credential === credential)
  );
}
