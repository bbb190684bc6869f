import type { Arrival, Receiver } from './receivers.ts';

/** A change that must be alerted: this listing fell to this price. */
export interface Wanted {
  readonly itemId: string;
  /** Decimal string. */
  readonly price: string;
  /** When the first call after the change arrived at the simulator, ms since the epoch. */
  readonly at: number;
}

/** What the logs of one channel's receiver say. */
export interface ChannelEvidence {
  readonly channel: string;
  readonly requests: number;
  /** Wanted alerts that were taken at least once. */
  readonly taken: number;
  /** Wanted alerts that were neither taken nor are among the dead letters. */
  readonly lost: number;
  /** Alerts that nobody wanted. */
  readonly unwanted: number;
  /** Messages that were taken once more. */
  readonly repeated: number;
  /** Of these, messages that came once more after a later one. */
  readonly repeatedLate: number;
  /** The same alert under another webhook-id. */
  readonly otherId: number;
  /** Messages whose first arrival is before that of one which stands earlier in the outbox. */
  readonly overtaken: number;
}

/** Every receiver of the same alerts gets them in one order, so the log of a sound one says what it is. */
export function evidenceOf(
  { behaviour, arrivals }: Pick<Receiver, 'behaviour' | 'arrivals'>,
  wanted: readonly Wanted[],
  dead: ReadonlySet<string>,
  order: readonly string[],
): ChannelEvidence {
  const alerts = arrivals.filter(({ message }) => message.kind === 'alert');
  const taken = alerts.filter(({ status }) => status >= 200 && status < 300);
  const got = new Set(taken.flatMap(keysOf));
  const known = new Set(wanted.map(keyOf));
  const ids = new Map<string, Set<string>>();
  for (const arrival of alerts)
    for (const key of keysOf(arrival)) ids.set(key, (ids.get(key) ?? new Set()).add(arrival.id));
  // A dead letter names its message: of a webhook that is the alert's id, which the attempts had in their header.
  const isDead = (key: string) => [...(ids.get(key) ?? [])].some((id) => dead.has(id));
  return {
    channel: behaviour,
    requests: arrivals.length,
    taken: wanted.filter((each) => got.has(keyOf(each))).length,
    lost: wanted.filter((each) => !got.has(keyOf(each)) && !isDead(keyOf(each))).length,
    unwanted: new Set(alerts.flatMap(keysOf).filter((key) => !known.has(key))).size,
    repeated: taken.length - new Set(taken.map(({ id }) => id)).size,
    repeatedLate: repeatedLate(taken),
    otherId: [...ids.values()].filter((each) => each.size > 1).length,
    overtaken: overtaken(firstArrivals(alerts), order),
  };
}

/** ids of messages in the order in which each arrived first. */
export function firstArrivals(arrivals: readonly Arrival[]): string[] {
  return [...new Set(arrivals.map(({ id }) => id))];
}

/** How many arrivals repeat a message although another one came between. */
export function repeatedLate(taken: readonly Pick<Arrival, 'id'>[]): number {
  const seen = new Set<string>();
  let [latest, count] = ['', 0];
  for (const { id } of taken) {
    if (seen.has(id) && id !== latest) count += 1;
    seen.add(id);
    latest = id;
  }
  return count;
}

/** How many of the ids come before one that stands earlier in `order`. */
export function overtaken(ids: readonly string[], order: readonly string[]): number {
  const places = new Map(order.map((id, place) => [id, place]));
  let [latest, count] = [-1, 0];
  for (const id of ids) {
    const place = places.get(id);
    if (place === undefined) continue;
    if (place < latest) count += 1;
    latest = Math.max(latest, place);
  }
  return count;
}

/** From the simulator's answer to the first arrival, ms; of what has arrived. */
export function delays(arrivals: readonly Arrival[], wanted: readonly Wanted[]): number[] {
  const first = new Map<string, number>();
  for (const arrival of arrivals)
    for (const key of keysOf(arrival)) if (!first.has(key)) first.set(key, arrival.at);
  return wanted.flatMap((each) => {
    const at = first.get(keyOf(each));
    return at === undefined ? [] : [at - each.at];
  });
}

const keyOf = ({ itemId, price }: Pick<Wanted, 'itemId' | 'price'>) => `${itemId} ${Number(price)}`;
const keysOf = ({ message }: Arrival) =>
  message.hits.map(({ itemId, to }) => keyOf({ itemId, price: to?.value ?? '' }));
