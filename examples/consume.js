/**
 * A consumer that may crash at any moment and handles each event exactly once:
 *
 *   node examples/consume.js [--group inbox] [--name this-host] [--idle 30]
 *
 * It appends each event to a list, `inbox:GROUP`. One script appends, records the event's id as done and acknowledges, so a
 * crash leaves all of it or nothing. An event that arrives again is recognised by its id. Work outside Redis is as safe if its
 * target accepts the id as a key: an SQL `INSERT … ON CONFLICT DO NOTHING`, or an HTTP call with an idempotency key.
 */
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { consume, untilInterrupted } from './group.js';

const { values } = parseArgs({
  options: {
    group: { type: 'string', default: 'inbox' },
    name: { type: 'string', default: hostname() },
    idle: { type: 'string', default: '30' },
  },
});
const { group, name } = values;
const { REDIS_URL: url = 'redis://localhost:6379/0', EVENTS: stream = '{ebay}:events' } = process.env;

/** How long an id is remembered: a week, which is longer than its event can arrive again. */
const REMEMBERED_MS = 7 * 24 * 3600 * 1000;

const HANDLE = `
local stream, done, inbox = KEYS[1], KEYS[2], KEYS[3]
local isNew = redis.call('SET', done, '1', 'NX', 'PX', ARGV[4])
if isNew then redis.call('RPUSH', inbox, ARGV[3]) end
redis.call('XACK', stream, ARGV[1], ARGV[2])
return isNew and 1 or 0`;

/** The hash tag of the stream puts all keys into one slot of a Cluster. */
const tag = /\{[^}]+\}/.exec(stream)?.[0] ?? '{inbox}';

await consume({
  url,
  stream,
  group,
  name,
  idleMs: Number(values.idle) * 1000,
  signal: untilInterrupted(),
  async handle({ place, event }, redis) {
    const keys = [stream, `${tag}:done:${group}:${event.id}`, `${tag}:inbox:${group}`];
    const isNew = await redis.eval(HANDLE, 3, ...keys, group, place, JSON.stringify(event), REMEMBERED_MS);
    console.log(`${isNew ? 'new  ' : 'known'} ${event.id} ${event.type} ${event.searchId}`);
  },
});
