/**
 * Lua that brings a search back to its queue once none of its pages is pending, as BullMQ does when the last one ends:
 * the same keys, the same score. They are internal to BullMQ, so a test keeps them in step with it.
 */
export const RELEASE_PARENT = `
local function release(base, parentKey)
  if redis.call('SCARD', parentKey .. ':dependencies') > 0 then return 0 end
  local id = string.sub(parentKey, #base + 1)
  if redis.call('ZREM', base .. 'waiting-children', id) == 0 then return 0 end
  local priority = tonumber(redis.call('HGET', parentKey, 'priority')) or 0
  if priority > 0 then
    local score = priority * 0x100000000 + redis.call('INCR', base .. 'pc') % 0x100000000
    redis.call('ZADD', base .. 'prioritized', score, id)
  else
    redis.call('RPUSH', base .. 'wait', id)
  end
  redis.call('ZADD', base .. 'marker', 0, '0')
  redis.call('XADD', base .. 'events', '*', 'event', 'waiting', 'jobId', id, 'prev', 'waiting-children')
  return 1
end
`;
