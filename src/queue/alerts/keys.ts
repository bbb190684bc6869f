import type { AlertMessage } from '../../product/alertMessage.ts';

/*
 * Where alerts are in Redis. All keys have the slot of the prefix, so that one script can use several.
 *
 * A hit is found where a search ends (`evaluate.ts`) and is kept in the alert's list in one step with what the alert knows of
 * the listing. `release.ts` makes messages of hits, when quiet hours, digest and daily cap allow it, and puts them in the
 * outbox of each channel, in one step again. `deliver.ts` sends the head of an outbox and then takes it off. Whatever dies
 * between two steps, the next process finds the work in Redis: a zset says which alerts have hits, and when they are due.
 */

export interface AlertKeys {
  /** Hash: name → the alert as it is stored. */
  alerts: string;
  /** Hash: name → the channel as it is stored, its secrets sealed. */
  channels: string;
  /** Sorted set: names of alerts that have hits to release, by when, ms since the epoch. */
  due: string;
  /** Hash: item id → what the alert knows of the listing. */
  state: (alert: string) => string;
  /** List of hits that are not released yet, oldest first, as JSON without the listing's texts. */
  hits: (alert: string) => string;
  /** Hash: what was sent and withheld on the alert's present day, and when a message was made last. */
  day: (alert: string) => string;
  /** String that expires: title, picture and condition of a hit's listing. */
  texts: (hitId: string) => string;
  /** List of messages as JSON without the listings' texts, oldest first. */
  outbox: (channel: string) => string;
  /** Hash: failures, pause, last success and last error of a channel. */
  circuit: (channel: string) => string;
  /** List of messages that could not be delivered, newest first. */
  failed: (channel: string) => string;
  /** String that expires: how the delivery of a test message ended. */
  test: (messageId: string) => string;
}

/** Fields of a channel's circuit that its report shows; the delivery may keep others beside them. */
export interface CircuitFields {
  /** Until when nothing is sent, ms since the epoch; absent or past: it is sent. */
  until?: string;
  /** Why the last try failed; absent: it did not. */
  error?: string;
  /** When a message was delivered last, ms since the epoch. */
  delivered?: string;
}

/** A message that could not be delivered, as JSON in the list `failed`. */
export interface FailedRecord {
  /** As it was in the outbox; `retryFailed` puts it there again, so its age alone must not make it fail again. */
  message: AlertMessage;
  /** When it was given up, ms since the epoch. */
  at: number;
  error: string;
  attempts: number;
}

/** How a test ended, as JSON at the key `test`. */
export interface TestRecord {
  delivered: boolean;
  /** Why not; null: it was delivered. */
  error: string | null;
}

export function alertKeys(prefix: string, tenant: string): AlertKeys {
  return {
    alerts: `${prefix}:alerts:${tenant}`,
    channels: `${prefix}:channels:${tenant}`,
    due: `${prefix}:alerts-due:${tenant}`,
    state: (alert) => `${prefix}:alert-state:${tenant}:${alert}`,
    hits: (alert) => `${prefix}:alert-hits:${tenant}:${alert}`,
    day: (alert) => `${prefix}:alert-day:${tenant}:${alert}`,
    texts: (hitId) => `${prefix}:alert-texts:${tenant}:${hitId}`,
    outbox: (channel) => `${prefix}:outbox:${tenant}:${channel}`,
    circuit: (channel) => `${prefix}:circuit:${tenant}:${channel}`,
    failed: (channel) => `${prefix}:alerts-failed:${tenant}:${channel}`,
    test: (messageId) => `${prefix}:alert-test:${tenant}:${messageId}`,
  };
}
