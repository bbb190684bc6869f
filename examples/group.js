/**
 * A member of a consumer group on the event stream: the group as a whole gets each event, each member a part of them.
 * What a member has taken and not acknowledged goes to another one, or to itself when it comes back, once it has lain
 * still for `idleMs`. So each event arrives at least once, and after a crash perhaps twice: its id tells.
 */
import { Redis } from 'ioredis';

/** So many are taken at a time: what has to be handled again after a crash at most. */
const AT_ONCE = 50;

/**
 * Hands the group's events to `handle`, one after the other, until `signal` aborts. `handle` acknowledges, in whatever
 * way its own work is made safe; what it throws ends the member and leaves the event to be claimed.
 *
 * @param {object} options
 * @param {string} options.url Redis
 * @param {string} options.stream `{ebay}:events`
 * @param {string} options.group one name for all who share the work
 * @param {string} options.name this member's own
 * @param {number} options.idleMs longer than handling ever takes
 * @param {AbortSignal} options.signal
 * @param {(entry: { place: string, event: any }, redis: Redis) => Promise<void>} options.handle
 */
export async function consume({ url, stream, group, name, idleMs, signal, handle }) {
  // One connection waits for news; a blocking read on the other's would hold everything up.
  const reader = new Redis(url, { maxRetriesPerRequest: null });
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  for (const each of [reader, redis])
    each.on('error', (error) => console.error(`Redis: ${error.message}; trying again`));
  const stop = () => reader.disconnect();
  signal.addEventListener('abort', stop);
  try {
    await createGroup(redis, stream, group);
    // What this very member had in hand when it died; nobody else claims it so soon.
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

/** From the beginning of what is kept; a group that exists goes on where it was. */
async function createGroup(redis, stream, group) {
  try {
    await redis.xgroup('CREATE', stream, group, '0', 'MKSTREAM');
  } catch (error) {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  }
}

/** First what others have left lying, then what is new. */
async function takeMore(reader, { stream, group, name, idleMs }) {
  const [, claimed] = await reader.xautoclaim(stream, group, name, idleMs, '0', 'COUNT', AT_ONCE);
  if (claimed.length > 0) return claimed.map(entryFrom);
  // Never longer than what lies still may have to wait.
  return read(reader, { stream, group, name, from: '>', block: Math.min(idleMs, 5000) });
}

/** `from` `0`: what this member has taken and not acknowledged; `>`: what nobody has taken. */
async function read(reader, { stream, group, name, from, block = 1 }) {
  const options = ['COUNT', AT_ONCE, 'BLOCK', block];
  const reply = await reader.xreadgroup('GROUP', group, name, ...options, 'STREAMS', stream, from);
  return (reply?.[0]?.[1] ?? []).map(entryFrom);
}

/** One that the cap has cut off since it was taken has no fields any more, and so no event. */
function entryFrom([place, fields]) {
  return { place, event: fields === null ? undefined : JSON.parse(fields[fields.indexOf('data') + 1]) };
}

/** Ctrl-C and SIGTERM: the event in hand is finished, nothing is lost. */
export function untilInterrupted() {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => controller.abort());
  return controller.signal;
}
