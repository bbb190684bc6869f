import { LuaScript } from '../../redis/luaScript.ts';

/**
 * The gate's rules as Lua, one atomic step each, on one hash per credential and on Redis time. `MemoryGateStore` holds
 * the same rules for a process without Redis; both pass the same tests.
 *
 * Fields: `at` last slot, `i` interval (both µs) · `by` names of the latest, newest first · `k` how many wait · `limit` `configured` `used`
 * `reset` `granted` ledger · `until` `reason` closure · `tp` `te` last grown pause and its end · `cp` pause of the
 * circuit that is not closed · `pb` `pu` prober and its time limit · `wi` `w0` `w1` recent outcomes (index of the half
 * window, this half, the half before: calls, failed, callers, failers; `-` nobody, `*` several). Instants but `at` in ms.
 *
 * Numbers are written with %.0f: Lua's own form of 1.7e15 loses digits.
 */
const PRELUDE = `
local key = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ms = math.floor(now / 1000)
local changed = {}
local function put(field, value)
  if type(value) == 'number' then value = string.format('%.0f', value) end
  changed[#changed + 1] = field
  changed[#changed + 1] = value
end
local function save()
  if #changed > 0 then redis.call('HSET', key, unpack(changed)) end
end
local function load(...)
  local names, values = {...}, {}
  local raw = redis.call('HMGET', key, ...)
  for n, name in ipairs(names) do values[name] = raw[n] or nil end
  return values
end
local function number(value) return tonumber(value) or 0 end
local function extend(f, untilMs, reason)
  if untilMs <= number(f['until']) or untilMs <= ms then return false end
  f['until'] = untilMs
  f.reason = reason
  put('until', untilMs)
  put('reason', reason)
  return true
end
`;

const NAMES = `
local function names(text)
  local all = {}
  for name in string.gmatch(text or '', '%S+') do all[#all + 1] = name end
  return all
end
local function drop(all, name)
  for n, other in ipairs(all) do
    if other == name then return table.remove(all, n) end
  end
end
`;

/** A new quota day begins with nothing used and no slot to take up again. */
const TODAY = `
local function today(f, first, second)
  local reset = number(f.reset)
  if reset > ms then return reset, number(f.used), false end
  local began = reset > 0
  reset = tonumber(first)
  if reset <= ms then reset = tonumber(second) end
  f.by = nil
  put('reset', reset)
  put('used', 0)
  put('by', '')
  return reset, 0, began
end
`;

const WINDOW = `
local function half(text)
  local calls, failed, callers, failers = string.match(text or '', '^(%d+) (%d+) (%S+) (%S+)$')
  return {number(calls), number(failed), callers or '-', failers or '-'}
end
local function together(one, other)
  if one == '-' or one == other then return other end
  if other == '-' then return one end
  return '*'
end
local function merge(a, b)
  return {a[1] + b[1], a[2] + b[2], together(a[3], b[3]), together(a[4], b[4])}
end
local function tally(f, length, calls, failed, who)
  local index = math.floor(ms / (tonumber(length) / 2))
  local current, previous = half(f.w0), half(f.w1)
  if number(f.wi) ~= index then
    previous = number(f.wi) == index - 1 and current or half()
    current = half()
  end
  current = merge(current, {calls, failed, who, failed > 0 and who or '-'})
  put('wi', index)
  put('w0', table.concat(current, ' '))
  put('w1', table.concat(previous, ' '))
  return merge(current, previous)
end
`;

/**
 * For the next slot. ARGV: 1 id · 2 share · 3 default interval, µs · 4 default limit · 5, 6 ends of this and the next
 * quota day · 7 lead, µs · 8 margin · 9 unused slots, each with its reset or - · 10 names kept · 11 answered since · 12 process · 13 window ·
 * 14 probe timeout · 15 probe retry · 16 longest sleep, µs · 17 length of a row.
 */
const ASK = `${PRELUDE}${NAMES}${TODAY}${WINDOW}
local f = load('at', 'i', 'by', 'k', 'limit', 'used', 'reset', 'granted', 'until', 'reason', 'cp', 'pb', 'pu', 'wi', 'w0', 'w1')
local reset, used, began = today(f, ARGV[5], ARGV[6])
local granted, limit = number(f.granted), tonumber(f.limit or ARGV[4])
if tonumber(ARGV[11]) > 0 then tally(f, ARGV[13], tonumber(ARGV[11]), 0, ARGV[12]) end

local latest = names(f.by)
local newest, last, prober, freed = latest[1], false, false, 0
-- A question that was sent again over a new connection may have been granted a slot before.
for id, its in string.gmatch(ARGV[9] .. ' ' .. ARGV[1] .. ' -', '(%S+) (%S+)') do
  local known = drop(latest, id)
  if known or its == string.format('%.0f', reset) then freed = freed + 1 end
  if known and id == newest then
    last = true
    prober = f.pb == id
  end
end
if freed > 0 then
  used = math.max(0, used - freed)
  granted = granted - freed
  put('used', used)
  put('granted', granted)
  put('by', table.concat(latest, ' '))
end

local function closed(untilMs, reason, scope)
  save()
  return {'closed', untilMs - ms, reason, scope}
end
if used >= limit then return closed(reset, 'quota', 'all') end
if number(f['until']) > ms then return closed(number(f['until']), f.reason, 'all') end
if f.cp and number(f.pu) > ms and not prober then
  return closed(math.min(number(f.pu), ms + ARGV[15]), 'circuit', 'all')
end
if used >= math.floor(limit * ARGV[2]) then return closed(reset, 'quota', 'class') end

local interval = tonumber(f.i or ARGV[3])
local step = math.floor(interval * (1 + ARGV[8]))
local lead = math.min(ARGV[7], step / 4)
local at = number(f.at)
local waiting = number(f.k)
if last then
  at = math.max(now, at)
else
  -- A slot is never granted further ahead than the lead: a later one is from a clock that went back. The corrected time
  -- is stored, reason the next question counts from it.
  if at > now + ARGV[7] then
    at = now + ARGV[7]
    put('at', at)
  end
  at = at + step
  local wait = at - now - lead
  if wait > 0 then
    -- One row of those who wait stands ready for the next slot, one shortly after another; the rows behind it for later
    -- ones. Whoever sleeps less than all of it asks again and is counted then.
    if wait <= tonumber(ARGV[16]) then put('k', waiting + 1) end
    save()
    local rows = math.floor(waiting / ARGV[17])
    return {'wait', math.ceil(wait + rows * step + (waiting % ARGV[17] + 1) * lead / 5)}
  end
  -- A row has come, and what is left of it asks anew. A slot that nobody took in its time shows that nobody waited.
  waiting = now - at > step and 0 or math.max(0, waiting - ARGV[17])
  at = math.max(now, at)
end
used = used + 1
put('at', at)
table.insert(latest, 1, ARGV[1])
put('by', table.concat(latest, ' ', 1, math.min(#latest, ARGV[10])))
put('k', waiting)
put('used', used)
put('granted', granted + 1)
if f.cp then
  put('pb', ARGV[1])
  put('pu', ms + ARGV[14])
end
save()
return {'go', at - now, interval, used, limit, reset, f.cp and 1 or 0, began and 1 or 0}
`;

/** ARGV: 1 how late a call may be without moving the next slot, µs: one that was later leaves it no less room. */
const SENT_LATE = `${PRELUDE}
local at = now - ARGV[1]
if at > number(load('at').at) then put('at', at) end
save()
return 1
`;

/** ARGV: 1 slot · 2 outcome · 3 process · 4 window · 5 share · 6 fewest calls · 7 pause · 8 longest pause. */
const REPORT = `${PRELUDE}${WINDOW}
local f = load('until', 'reason', 'cp', 'pb', 'wi', 'w0', 'w1')
local function open(pause, change)
  pause = math.min(pause, tonumber(ARGV[8]))
  put('cp', pause)
  put('w0', '')
  put('w1', '')
  extend(f, ms + pause, 'circuit')
  save()
  return {change, pause}
end
if f.cp then
  if f.pb ~= ARGV[1] then return {'none', 0} end
  redis.call('HDEL', key, 'pb', 'pu')
  if ARGV[2] == 'unknown' then return {'none', 0} end
  if ARGV[2] == 'failed' then return open(number(f.cp) * 2, 'reopened') end
  redis.call('HDEL', key, 'cp')
  return {'closed', 0}
end
if ARGV[2] == 'unknown' then return {'none', 0} end
local failed = ARGV[2] == 'failed' and 1 or 0
local seen = tally(f, ARGV[4], 1, failed, ARGV[3])
local several = seen[4] == '*' or seen[3] ~= '*'
if failed == 1 and several and seen[1] >= tonumber(ARGV[6]) and seen[2] >= seen[1] * ARGV[5] then
  return open(tonumber(ARGV[7]), 'opened')
end
save()
return {'none', 0}
`;

/** ARGV: 1 slot · 2 its reset. */
const GIVE_BACK = `${PRELUDE}${NAMES}
local f = load('used', 'reset', 'granted', 'by', 'pb')
local latest = names(f.by)
if drop(latest, ARGV[1]) then put('by', table.concat(latest, ' ')) end
if f.reset == ARGV[2] and number(f.reset) > ms then
  put('used', math.max(0, number(f.used) - 1))
  put('granted', number(f.granted) - 1)
end
if f.pb == ARGV[1] then redis.call('HDEL', key, 'pb', 'pu') end
save()
return 1
`;

/** ARGV: 1 pause that eBay named, or '' · 2 first pause · 3 longest pause. */
const THROTTLED = `${PRELUDE}
local f = load('until', 'reason', 'tp', 'te')
local pause = tonumber(ARGV[1]) or 0
if ARGV[1] == '' and number(f['until']) <= ms then
  local last = number(f.tp)
  pause = last > 0 and ms < number(f.te) + 4 * last and last * 2 or tonumber(ARGV[2])
  pause = math.min(pause, tonumber(ARGV[3]))
  put('tp', pause)
  put('te', ms + pause)
end
-- A storm's answers differ by their milliseconds on the way: that is no new pause.
local began = ms + pause > math.max(ms, number(f['until'])) + 1000 or pause > 0 and number(f['until']) <= ms
extend(f, ms + pause, 'pause')
save()
return {number(f['until']) - ms, f.reason or 'pause', began and 1 or 0}
`;

/** ARGV: 1 for how long · 2 reason. */
const CLOSE = `${PRELUDE}
local f = load('until', 'reason')
extend(f, ms + ARGV[1], ARGV[2])
save()
return number(f['until']) - ms
`;

/** ARGV: 1 limit · 2 remaining · 3 reset · 4 granted when asked · 5 reset when asked · 6, 7 ends of quota days. */
const RECONCILE = `${PRELUDE}${TODAY}
local f = load('used', 'reset', 'granted', 'by')
local reset = today(f, ARGV[6], ARGV[7])
if tonumber(ARGV[3]) <= ms or tonumber(ARGV[5]) ~= reset then
  save()
  return 0
end
local since = math.max(0, number(f.granted) - ARGV[4])
put('limit', tonumber(ARGV[1]))
put('used', math.max(0, ARGV[1] - ARGV[2] + since))
put('reset', tonumber(ARGV[3]))
save()
return 1
`;

/** ARGV: 1 interval, µs · 2 limit. A limit that was configured before says nothing new: eBay's own stands. */
const CONFIGURE = `${PRELUDE}
put('i', tonumber(ARGV[1]))
if load('configured').configured ~= ARGV[2] then
  put('configured', ARGV[2])
  put('limit', tonumber(ARGV[2]))
end
save()
return 1
`;

export const GATE_SCRIPTS = {
  ask: new LuaScript(ASK),
  sentLate: new LuaScript(SENT_LATE),
  report: new LuaScript(REPORT),
  giveBack: new LuaScript(GIVE_BACK),
  throttled: new LuaScript(THROTTLED),
  close: new LuaScript(CLOSE),
  reconcile: new LuaScript(RECONCILE),
  configure: new LuaScript(CONFIGURE),
} as const;
