import { RELEASE_PARENT } from './releaseScript.ts';

/**
 * Takes a broken job out of every state and puts word of it aside, in one step, unless it changed since it was looked at
 * or is in no state any more. Its search is told and released if this was its last page.
 *
 * KEYS: quarantine list · ARGV: the queue's keys up to the id (`PREFIX:QUEUE:`), id, fingerprint, what to keep of it,
 * entries kept, their life in ms, reason for its search, the search queue's keys up to the id.
 * Returns the keys of its children, or false if it was left alone.
 */
export const QUARANTINE = `${RELEASE_PARENT}
local base, id, seen = ARGV[1], ARGV[2], ARGV[3]
local key = base .. id
local kind = redis.call('TYPE', key).ok
local now = kind
local parentKey = false
if kind == 'hash' or kind == 'none' then
  local fields = redis.call('HMGET', key, 'name', 'data', 'opts', 'progress', 'parent', 'parentKey')
  parentKey = fields[6]
  for i = 1, 5 do fields[i] = fields[i] or '' end
  now = redis.sha1hex(table.concat(fields, '\\n', 1, 5))
end
if now ~= seen then return false end

local removed = 0
for _, state in ipairs({ 'wait', 'active', 'paused' }) do
  removed = removed + redis.call('LREM', base .. state, 0, id)
end
for _, state in ipairs({ 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed' }) do
  removed = removed + redis.call('ZREM', base .. state, id)
end
if removed == 0 then return false end
redis.call('SREM', base .. 'stalled', id)

redis.call('LPUSH', KEYS[1], ARGV[4])
redis.call('LTRIM', KEYS[1], 0, ARGV[5] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[6])

local searches = ARGV[8]
if parentKey and string.sub(parentKey, 1, #searches) == searches
  and redis.call('SREM', parentKey .. ':dependencies', key) == 1 then
  redis.call('HSET', parentKey .. ':failed', key, ARGV[7])
  release(searches, parentKey)
end

local children = {}
if redis.call('TYPE', key .. ':dependencies').ok == 'set' then
  children = redis.call('SMEMBERS', key .. ':dependencies')
end
redis.call('DEL', key, key .. ':lock', key .. ':logs', key .. ':dependencies', key .. ':processed',
  key .. ':failed', key .. ':unsuccessful')
return children
`;
