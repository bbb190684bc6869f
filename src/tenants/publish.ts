import { Failure } from '../failures.ts';
import { type FleetDocument, type Parts, type Versioned, withNewer } from './document.ts';
import type { FleetStore } from './fleetStore.ts';

export interface Published {
  /** What stands in Redis now. */
  standing: Versioned;
  changed: boolean;
  /** Parts that were written earlier than what stands there, and so were left out. */
  stale: Array<keyof Parts>;
}

/** Another process may publish at the same moment, but not for ever. */
const TRIES = 20;

/**
 * Makes the next version of what `change` gives for the one that stands, atomically: of two at once the later one builds
 * on the earlier.
 * @param check throws when the new document is wrong; then nothing has changed
 * @param known a version that was seen before: a Redis that lost its data must not start again from 1
 * @throws what `check` throws; Failure `redis-unavailable` when others publish all the time
 */
export async function publishNext(
  store: FleetStore,
  known: Versioned,
  change: (document: FleetDocument) => ReturnType<typeof withNewer>,
  check: (next: Versioned) => void,
): Promise<Published> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const standing = await store.read();
    const base = standing.version < known.version ? known : standing;
    const { document, changed, stale } = change(base.document);
    if (!changed && base === standing) return { standing, changed: false, stale };
    const next = changed ? { version: base.version + 1, document } : base;
    check(next);
    if (await store.publish(standing.version, next)) return { standing: next, changed: true, stale };
  }
  throw new Failure(
    'redis-unavailable',
    'the configuration was not published: others change it all the time',
  );
}

export function publishParts(
  store: FleetStore,
  known: Versioned,
  parts: Parts,
  check: (next: Versioned) => void,
): Promise<Published> {
  return publishNext(store, known, (document) => withNewer(document, parts), check);
}
