import { RELEASE_PARENT } from './releaseScript.ts';

/**
 * Removes, from searches that wait for pages, the pages that never report: ended ones (a failed one with its reason), and
 * those that are gone or in no state. The search then asks for the latter again.
 *
 * KEYS: those of `settleKeys`. ARGV: the search queue's keys up to the id, the calls queue's, then ids of searches.
 * Returns the ids that were released.
 */
export const SETTLE_SEARCHES = `${RELEASE_PARENT}
local searches, calls = ARGV[1], ARGV[2]

local function isQueued(id)
  return redis.call('ZSCORE', calls .. 'prioritized', id) or redis.call('ZSCORE', calls .. 'delayed', id)
    or redis.call('LPOS', calls .. 'active', id) or redis.call('LPOS', calls .. 'wait', id)
end

local function strikeOff(parentKey, child)
  if string.sub(child, 1, #calls) ~= calls then return end
  local id = string.sub(child, #calls + 1)
  if redis.call('TYPE', child).ok ~= 'hash' then
    if isQueued(id) then return end
    redis.call('DEL', child)
  elseif redis.call('ZSCORE', calls .. 'failed', id) then
    redis.call('HSET', parentKey .. ':failed', child, redis.call('HGET', child, 'failedReason') or '')
  elseif not redis.call('ZSCORE', calls .. 'completed', id) then
    if isQueued(id) then return end
    redis.call('DEL', child, child .. ':lock', child .. ':logs')
  end
  redis.call('SREM', parentKey .. ':dependencies', child)
end

local released = {}
for i = 3, #ARGV do
  local parentKey = searches .. ARGV[i]
  for _, child in ipairs(redis.call('SMEMBERS', parentKey .. ':dependencies')) do
    strikeOff(parentKey, child)
  end
  if release(searches, parentKey) == 1 then table.insert(released, ARGV[i]) end
end
return released
`;

const STATES_OF_SEARCHES = ['waiting-children', 'prioritized', 'wait', 'pc', 'marker', 'events'];
const STATES_OF_CALLS = ['prioritized', 'delayed', 'active', 'wait', 'failed', 'completed'];

/**
 * The keys that the script uses. A Cluster picks the node by them: without a key the client picks a random node, and a
 * node without the slot refuses the script. The pages' own keys are known only to the script, from the searches'
 * `dependencies`; they share the slot.
 * @param searches the search queue's keys up to the id
 * @param calls the calls queue's
 */
export function settleKeys(searches: string, calls: string, ids: readonly string[]): string[] {
  return [
    ...STATES_OF_SEARCHES.map((state) => searches + state),
    ...STATES_OF_CALLS.map((state) => calls + state),
    ...ids.flatMap((id) => ['', ':dependencies', ':failed'].map((part) => searches + id + part)),
  ];
}
