import { isDeepStrictEqual } from 'node:util';
import type { Content } from '../config/files.ts';
import type { Declarations } from './declaration.ts';

/** What one source says, and since when: a file's time of change, or the moment of a command; ms since the epoch. */
export interface Part<T> {
  at: number;
  value: T;
}

/** What files and `dpf config apply` say; each part changes by itself. */
export interface Parts {
  /** Reloadable settings. */
  settings?: Part<Content>;
  tenants?: Part<Declarations>;
  /** Of the default tenant. */
  schedules?: Part<unknown[]>;
}

/** What all processes of the fleet run, whatever files each of them has. It holds no secret. */
export interface FleetDocument extends Parts {
  /** Tenants that `dpf tenants add` declared. */
  added: Declarations;
}

export interface Versioned {
  /** 0: nothing was ever published. */
  version: number;
  document: FleetDocument;
}

export const NOTHING: Versioned = { version: 0, document: { added: {} } };

const PARTS = ['settings', 'tenants', 'schedules'] as const;

/**
 * The document with the parts that say something newer. One that was written earlier than what stands there never
 * replaces it: it is `stale`, as the file of a machine that was not brought up to date.
 */
export function withNewer(
  document: FleetDocument,
  parts: Parts,
): { document: FleetDocument; changed: boolean; stale: Array<keyof Parts> } {
  const differing = PARTS.filter(
    (name) => parts[name] !== undefined && !isDeepStrictEqual(parts[name].value, document[name]?.value),
  );
  const isStale = (name: keyof Parts) => (parts[name]?.at ?? 0) < (document[name]?.at ?? 0);
  const newer = differing.filter((name) => !isStale(name));
  return {
    document: { ...document, ...Object.fromEntries(newer.map((name) => [name, parts[name]])) },
    changed: newer.length > 0,
    stale: differing.filter(isStale),
  };
}

/** All tenants: those of the file, and those that were added, in this order of right to a name. */
export function declarationsOf({ tenants, added }: FleetDocument): Declarations {
  return { ...added, ...tenants?.value };
}
