/**
 * A member of a consumer group on the event stream. The group gets each event, each member gets a part of them. An event that
 * a member has taken and not acknowledged is claimed by another member after `idleMs`, or by the same member when it starts
 * again. So each event arrives at least once, and after a crash perhaps twice, with the same id.
 */
import { Redis } from 'ioredis';

/** Events taken at a time. At most so many are handled again after a crash. */
const AT_ONCE = 50;

/**
 * Passes the group's events to `handle`, one after the other, until `signal` aborts. `handle` must acknowledge. An error that
 * it throws ends the member and leaves the event to be claimed.
 *
 * @param {object} options
 * @param {string} options.url Redis
 * @param {string} options.stream `{ebay}:events`
 * @param {string} options.group one name for all members that share the work
 * @param {string} options.name the name of this member
 * @param {number} options.idleMs longer than handling one event takes at most
 * @param {AbortSignal} options.signal
 * @param {(entry: { place: string, event: any }, redis: Redis) => Promise<void>} options.handle
 */
export async function consume({ url, stream, group, name, idleMs, signal, handle }) {
  // A blocking read delays every other command of its connection, so it has its own.
  const reader = new Redis(url, { maxRetriesPerRequest: null });
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  for (const each of [reader, redis])
    each.on('error', (error) => console.error(`Redis: ${error.message}; trying again`));
  const stop = () => reader.disconnect();
  signal.addEventListener('abort', stop);
  try {
    await createGroup(redis, stream, group);
    // First the events that this member had not acknowledged when it died. No other member claims them before `idleMs`.
    let own = true;
    while (!signal.aborted) {
      const entries = own
        ? await read(reader, { stream, group, name, from: '0' })
        : await takeMore(reader, { stream, group, name, idleMs });
      if (entries.length === 0) own = false;
      for (const entry of entries) {
        if (signal.aborted) return;
        if (entry.event === undefined) await redis.xack(stream, group, entry.place);
        else await handle(entry, redis);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    for (const each of [reader, redis]) each.disconnect();
  }
}

/** A new group starts with the oldest event that is kept. An existing group continues where it was. */
async function createGroup(redis, stream, group) {
  try {
    await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  }
}

/** First events that other members have not acknowledged, then new ones. */
async function takeMore(reader, { stream, group, name, idleMs }) {
  const [, claimed] = await reader.xautoclaim(stream, group, name, idleMs, '0', 'COUNT', AT_ONCE);
  if (claimed.length > 0) return claimed.map(entryFrom);
  // Not longer than `idleMs`, so that events of dead members are claimed in time.
  return read(reader, { stream, group, name, from: '>', block: Math.min(idleMs, 5000) });
}

/** `from` `0`: events that this member has taken and not acknowledged; `>`: events that no member has taken. */
async function read(reader, { stream, group, name, from, block = 1 }) {
  const options = ['COUNT', AT_ONCE, 'BLOCK', block];
  const reply = await reader.xreadgroup('GROUP', group, name, ...options, 'STREAMS', stream, from);
  return (reply?.[0]?.[1] ?? []).map(entryFrom);
}

/** An entry that the cap has removed since it was taken has no fields, and so no event. */
function entryFrom([place, fields]) {
  return { place, event: fields === null ? undefined : JSON.parse(fields[fields.indexOf('data') + 1]) };
}

/** On Ctrl-C and SIGTERM the current event is finished, so nothing is lost. */
export function untilInterrupted() {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => controller.abort());
  return controller.signal;
}
