/** Shared beginning: Redis's own time in ms. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
`;

/**
 * May the asker make a token request? One step, so that between looking and locking nothing happens.
 * KEYS  value lock fence interval mints pause refused
 * ARGV  stale, asker, lock ms, interval ms, mints a day, ms of life below which a value counts as ending,
 *       refused token's digest, refused pause ms, refusals until stop, ms that counts of refusals are kept
 * Gives {kind, now, …}.
 */
export const PERMIT = `${NOW}
local value = redis.call('GET', KEYS[1])
if value and (value ~= ARGV[1] or redis.call('PTTL', KEYS[1]) > tonumber(ARGV[6])) then
  return {'replaced', now, value}
end
if value and ARGV[7] ~= '' then
  redis.call('DEL', KEYS[1])
  local known = redis.call('HMGET', KEYS[7], 'proven', 'last')
  if known[1] == ARGV[7] then
    redis.call('HSET', KEYS[7], 'streak', 0)
  elseif known[2] ~= ARGV[7] and redis.call('HINCRBY', KEYS[7], 'streak', 1) >= tonumber(ARGV[9]) then
    redis.call('HSET', KEYS[6], 'until', text(now + ARGV[8]), 'because', 'tokens-refused')
    redis.call('PEXPIRE', KEYS[6], ARGV[8])
  end
  redis.call('HSET', KEYS[7], 'last', ARGV[7])
  redis.call('PEXPIRE', KEYS[7], ARGV[10])
end
local pause = redis.call('HMGET', KEYS[6], 'until', 'because', 'failures')
if pause[1] and tonumber(pause[1]) > now then
  return {'paused', now, pause[1] - now, pause[2]}
end
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[2] then return {'busy', now} end
local rest = redis.call('PTTL', KEYS[4])
if not holder and rest > 0 then return {'wait', now, rest} end
local mints = tonumber(redis.call('GET', KEYS[5]) or '0')
if mints >= tonumber(ARGV[5]) then return {'spent', now, mints} end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
if tonumber(ARGV[4]) > 0 then redis.call('SET', KEYS[4], '1', 'PX', ARGV[4]) end
redis.call('INCR', KEYS[5])
redis.call('EXPIRE', KEYS[5], 172800)
local generation = redis.call('HINCRBY', KEYS[3], 'issued', 1)
redis.call('EXPIRE', KEYS[3], 172800)
return {'granted', now, generation, mints + 1, tonumber(pause[3] or '0')}
`;

/**
 * Puts a token into the cache and ends lock and pause in the same step, so that whoever waited finds it at once.
 * KEYS  value lock fence pause
 * ARGV  value, life in ms, asker, generation: of a permit; 0 for a token minted without Redis, which takes an empty place
 *       only; -1 for one given by hand, which always does
 * Gives nothing, or the value that stands instead; empty where that is gone already.
 */
export const STORE = `
if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
local generation = tonumber(ARGV[4])
local value = redis.call('GET', KEYS[1])
local stored = tonumber(redis.call('HGET', KEYS[3], 'stored') or '0')
if (generation == 0 and value) or (generation > 0 and stored > generation) then return value or '' end
if generation < 0 then generation = redis.call('HINCRBY', KEYS[3], 'issued', 1) end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[3], 'stored', math.max(generation, stored))
redis.call('EXPIRE', KEYS[3], 172800)
redis.call('DEL', KEYS[4])
return nil
`;

/**
 * Ends the asker's lock and begins the fleet's pause. An asker whose lock ran out is late: somebody else is at it.
 * KEYS  lock pause
 * ARGV  asker, pause in ms, because, ms that the count of failures outlives the pause
 */
export const FAIL = `${NOW}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HINCRBY', KEYS[2], 'failures', 1)
redis.call('HSET', KEYS[2], 'until', text(now + ARGV[2]), 'because', ARGV[3])
redis.call('PEXPIRE', KEYS[2], text(ARGV[2] + ARGV[4]))
return 1
`;

/** KEYS pause refused mints; gives {now, until, because, streak, mints}. Changes nothing. */
export const STATE = `${NOW}
local pause = redis.call('HMGET', KEYS[1], 'until', 'because')
return {now, tonumber(pause[1] or '0'), pause[2] or '',
  tonumber(redis.call('HGET', KEYS[2], 'streak') or '0'), tonumber(redis.call('GET', KEYS[3]) or '0')}
`;

/** KEYS refused; ARGV accepted token's digest, ms that counts of refusals are kept. */
export const ACCEPT = `
redis.call('HSET', KEYS[1], 'proven', ARGV[1], 'streak', 0)
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`;
