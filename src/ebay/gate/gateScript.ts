import { LuaScript } from '../../redis/luaScript.ts';

/**
 * The gate's rules as Lua: each program below is one atomic step on one hash per credential, on the clock of Redis.
 * Its arguments are one JSON object, `a` in Lua, and so is its answer. Instants and durations are in ms, those named `…Us` in µs.
 */

/** Names of the hash's fields: in these programs, and in Redis. Several versions of this service share the hash. */
const FIELDS = {
  /** When the last slot is. */
  lastSlotUs: 'at',
  intervalUs: 'i',
  /** Ids of the latest slots, newest first. */
  latest: 'by',
  /** Processes that were refused since the last slot was granted. */
  waiting: 'k',
  limit: 'limit',
  /** The limit that was configured last; `limit` may be eBay's own. */
  configured: 'configured',
  used: 'used',
  /** When the quota day ends. */
  reset: 'reset',
  /** Names this count of calls. One that takes the place of a lost count has another name. */
  ledger: 'ledger',
  /** Rises with every ledger: a copy of an earlier one that comes back has a lower number. */
  number: 'ln',
  /** Slots granted in this ledger and not given back. */
  granted: 'granted',
  /** Slots granted in this ledger, those given back included: a copy of the ledger with fewer is an older one. */
  serial: 'n',
  /** Above 0 in a ledger that replaced a lost one: calls of the day before it that some process knew of. */
  known: 'known',
  /** When the day ends that `known` is of. */
  knownDay: 'kd',
  /**
   * What is doubtful about the count: '' nothing. `new`, `lost`: calls wait for eBay's count. `unknown`, `unconfirmed`: eBay did
   * not state it; of a new count nobody knew that there are calls.
   */
  doubt: 'doubt',
  /** When the count was lost. */
  doubtSince: 'ds',
  /** Until then one process asks eBay for its count. */
  verifyUntil: 'vu',
  closedUntil: 'until',
  /** Release 0.1 reads it under this name. */
  closedReason: 'because',
  /** The last pause after a 429 that named none, and when it ended. */
  throttlePause: 'tp',
  throttleEnd: 'te',
  /** Changes when a call replaces a refused token. */
  tokenMark: 'tm',
  /** Above 0 while the circuit is not closed: how long it opened for. */
  circuitPause: 'cp',
  prober: 'pb',
  probeUntil: 'pu',
  /** Outcomes of the present half of the circuit's window and of the half before it. */
  windowIndex: 'wi',
  windowNow: 'w0',
  windowBefore: 'w1',
} as const;

const TEXTS = [
  'ledger',
  'doubt',
  'latest',
  'closedReason',
  'tokenMark',
  'prober',
  'windowNow',
  'windowBefore',
];
/** Absent until somebody configured them. */
const OPTIONAL = ['intervalUs', 'limit', 'configured'];

const lua = (names: readonly string[]) => `{'${names.join("', '")}'}`;
const numbers = Object.keys(FIELDS).filter((name) => ![...TEXTS, ...OPTIONAL].includes(name));

/** Reads the hash into `gate`; `set` and `forget` change it, `save` writes. %.0f, as Lua's own form of 1.7e15 loses digits. */
const STATE = `
local key, a = KEYS[1], cjson.decode(ARGV[1])
local time = redis.call('TIME')
local nowUs = time[1] * 1000000 + time[2]
local now = math.floor(nowUs / 1000)
local names = ${lua(Object.keys(FIELDS))}
local stored = ${lua(Object.values(FIELDS))}
local gate, storedAs, changed = {}, {}, {}
for n, value in ipairs(redis.call('HMGET', key, unpack(stored))) do
  gate[names[n]] = value or nil
  storedAs[names[n]] = stored[n]
end
for _, name in ipairs(${lua(TEXTS)}) do gate[name] = gate[name] or '' end
for _, name in ipairs(${lua(numbers)}) do gate[name] = tonumber(gate[name]) or 0 end
for _, name in ipairs(${lua(OPTIONAL)}) do gate[name] = tonumber(gate[name]) end
local function set(name, value)
  gate[name] = value
  changed[#changed + 1] = storedAs[name]
  changed[#changed + 1] = type(value) == 'number' and string.format('%.0f', value) or value
end
local function forget(name)
  redis.call('HDEL', key, storedAs[name])
end
local function save()
  if #changed > 0 then redis.call('HSET', key, unpack(changed)) end
end
-- cjson keeps 14 digits of a number: instants in µs are answered as text.
local function exact(us)
  return string.format('%.0f', us)
end
`;

/** Counts the day's calls. `latest` are the slots whose unit can still be given back by name. */
const QUOTA = `
local latest = {}
local function readLatest()
  latest = {}
  for id in string.gmatch(gate.latest, '%S+') do latest[#latest + 1] = id end
end
readLatest()
local function drop(id)
  for n, other in ipairs(latest) do
    if other == id then
      table.remove(latest, n)
      set('latest', table.concat(latest, ' '))
      return true
    end
  end
  return false
end
local function uncount(slots)
  set('used', math.max(0, gate.used - slots))
  set('granted', gate.granted - slots)
end
-- The calendar is the process's: the end of the day that contains this moment is one of the two that it knows, or its clock is wrong.
local function dayEnd()
  for n = 1, 2 do
    if a.days[n] <= now and now < a.days[n + 1] then return a.days[n + 1] end
  end
end
if a.days and gate.reset <= now and not dayEnd() then
  return redis.error_reply('CLOCK ' .. string.format('%.0f', now))
end
-- A process of the previous version begins a day and leaves these as they are.
if gate.knownDay ~= gate.reset then
  gate.known = 0
  if gate.doubt == 'unconfirmed' or gate.doubt == 'unknown' then gate.doubt = '' end
end
-- A new quota day begins with nothing used and no slot to take up again. Returns whether one has begun.
local function beginDay()
  if gate.reset > now then return false end
  local isFirst = gate.reset == 0
  set('reset', dayEnd())
  set('used', 0)
  set('latest', '')
  readLatest()
  gate.known = 0
  if gate.doubt == 'unconfirmed' or gate.doubt == 'unknown' then gate.doubt = '' end
  return not isFirst
end
-- The calls of the day that may be used while eBay has not confirmed a count that was lost.
local function usable(limit)
  return gate.doubt == 'unconfirmed' and math.floor(limit * a.unconfirmedShare) or limit
end
`;

/**
 * Redis may have lost the count, or have an older copy of it. What this process knows of the day, `a.seen`, counts then. Calls
 * wait until eBay has stated its count, because other processes may know of more calls.
 */
const LOSS = `
local function doubt(what)
  set('doubt', what)
  set('doubtSince', now)
  set('verifyUntil', 0)
end
-- Returns whether what is known of the day has changed.
local function takeOver()
  local seen, changes = a.seen, false
  local isOlder = seen and (seen.number > gate.number or seen.ledger == gate.ledger and seen.serial > gate.serial)
  if gate.ledger == '' or isOlder then
    -- A count without a ledger is of a process of the previous version, and sound unless a ledger was there before.
    if gate.reset == 0 or seen then doubt(isOlder and 'lost' or 'new') end
    set('known', isOlder and gate.reset > now and gate.used or 0)
    changes = true
    set('number', math.max(gate.number, seen and seen.number or 0) + 1)
    set('ledger', a.id)
    set('granted', 0)
    set('serial', 0)
  end
  if seen and seen.ledger ~= gate.ledger and seen.reset > now then
    if gate.doubt == 'new' or gate.doubt == 'unknown' then doubt('lost') end
    if gate.reset <= now then
      set('reset', seen.reset)
      set('used', 0)
      set('latest', '')
      readLatest()
    end
    if not gate.limit then set('limit', seen.limit) end
    changes = true
    set('known', math.max(gate.known, seen.used))
    set('used', math.max(gate.used, gate.known + gate.granted))
  end
  if a.closed then closeUntil(a.closed['until'], a.closed.reason) end
  return changes
end
`;

/** Closures for all: the day's calls are used up, a pause, or the circuit is open or being probed. */
const CLOSURE = `
local function closeUntil(untilMs, reason)
  if untilMs <= gate.closedUntil or untilMs <= now then return end
  set('closedUntil', untilMs)
  set('closedReason', reason)
end
local function closure(limit, isProber)
  if gate.used >= limit then return gate.reset, 'quota' end
  if gate.closedUntil > now then return gate.closedUntil, gate.closedReason end
  if gate.circuitPause > 0 and gate.probeUntil > now and not isProber then
    return math.min(gate.probeUntil, now + a.probeRetryMs), 'circuit'
  end
end
`;

/**
 * The circuit's window in two halves, so that between half a window and a whole one is looked at. Each half is `calls
 * failed callers failers`; callers and failers are one process, `-` for none or `*` for several.
 */
const CIRCUIT = `
local function half(text)
  local calls, failed, callers, failers = string.match(text, '^(%d+) (%d+) (%S+) (%S+)$')
  return {calls = tonumber(calls) or 0, failed = tonumber(failed) or 0, callers = callers or '-', failers = failers or '-'}
end
local function together(one, other)
  if one == '-' or one == other then return other end
  if other == '-' then return one end
  return '*'
end
local function sum(one, other)
  return {
    calls = one.calls + other.calls,
    failed = one.failed + other.failed,
    callers = together(one.callers, other.callers),
    failers = together(one.failers, other.failers),
  }
end
local function text(half)
  return string.format('%.0f %.0f %s %s', half.calls, half.failed, half.callers, half.failers)
end
-- Adds outcomes of this process; returns those of the whole window.
local function count(calls, failed)
  local index = math.floor(now / (a.windowMs / 2))
  local current, before = half(gate.windowNow), half(gate.windowBefore)
  if gate.windowIndex ~= index then
    before = gate.windowIndex == index - 1 and current or half('')
    current = half('')
  end
  current = sum(current, {calls = calls, failed = failed, callers = a.process, failers = failed > 0 and a.process or '-'})
  set('windowIndex', index)
  set('windowNow', text(current))
  set('windowBefore', text(before))
  return sum(current, before)
end
`;

/** Grants the next slot, or says when to ask again. Other parts decide whether anybody may call at all. */
const PACE = `
local intervalUs = gate.intervalUs or a.intervalUs
local stepUs = math.floor(intervalUs * (1 + a.margin))
-- A slot is granted at most this long before its time: an answer that takes a round trip comes in time all the same.
local shortLeadUs = math.min(a.leadUs, stepUs / 4)
local leadUs = shortLeadUs + a.roundTripUs
local function grant(slotUs)
  set('lastSlotUs', slotUs)
  table.insert(latest, 1, a.id)
  set('latest', table.concat(latest, ' ', 1, math.min(#latest, a.keptSlots)))
  set('used', gate.used + 1)
  set('granted', gate.granted + 1)
  set('serial', gate.serial + 1)
end
-- The earliest slot that the answer can arrive for: it takes half a round trip.
local function reachable()
  return nowUs + (stepUs > 0 and a.roundTripUs / 2 or 0)
end
-- When this process should ask again, as one of those that wait: the rows of a.rowLength come one slot after another,
-- and within a row one comes shortly after another.
local function askAgainAt(slotUs, waiting)
  local row = math.floor(waiting / a.rowLength)
  return slotUs - leadUs + row * stepUs + (waiting % a.rowLength + 1) * shortLeadUs / 5
end
`;

const ASK = `
local tookOver = takeOver()
local dayBegan = beginDay()
if tookOver then set('knownDay', gate.reset) end
local limit = gate.limit or a.dailyLimit
if a.answered > 0 then count(a.answered, 0) end
if a.replacesToken then set('tokenMark', a.id) end

-- Unused slots are no calls. An ask that was sent twice over a new connection may have been granted a slot before.
local newest, isLast, isProber, freed = latest[1], false, false, 0
table.insert(a.unused, {id = a.id})
for _, slot in ipairs(a.unused) do
  local known = drop(slot.id)
  if known or slot.reset == gate.reset then freed = freed + 1 end
  if known and slot.id == newest then
    isLast = true
    isProber = gate.prober == slot.id
  end
end
if freed > 0 then uncount(freed) end

local closedUntil, reason = closure(usable(limit), isProber)
local scope = 'all'
if not closedUntil and gate.used >= math.floor(limit * a.share) then
  closedUntil, reason, scope = gate.reset, 'quota', 'class'
end
if closedUntil then
  save()
  local pause = gate.closedUntil > now and {['until'] = gate.closedUntil, reason = gate.closedReason} or nil
  return cjson.encode({kind = 'closed', forMs = closedUntil - now, reason = reason, scope = scope, pause = pause})
end

if a.verifies and (gate.doubt == 'new' or gate.doubt == 'lost') then
  local verify = gate.verifyUntil <= now
  local isFirst = gate.verifyUntil == 0
  if verify then set('verifyUntil', now + a.probeTimeoutMs) end
  save()
  local askAtUs = exact(nowUs + a.probeRetryMs * 1000)
  local lost = verify and isFirst and gate.doubt == 'lost' and gate.used or nil
  return cjson.encode({kind = 'wait', nowUs = exact(nowUs), askAtUs = askAtUs, verify = verify, lost = lost})
end

local waiting = gate.waiting
if isLast then
  -- The last slot was not used: its place in time can be taken up again.
  grant(math.max(reachable(), gate.lastSlotUs))
else
  -- No slot is granted so far ahead: this one is from a clock that went back since.
  if gate.lastSlotUs > nowUs + a.furthestUs then set('lastSlotUs', nowUs + a.leadUs) end
  local slotUs = gate.lastSlotUs + stepUs
  if slotUs - leadUs > nowUs then
    -- A process that sleeps less than all of it asks again and is counted then.
    if slotUs - leadUs - nowUs <= a.longestSleepUs then set('waiting', waiting + 1) end
    save()
    return cjson.encode({kind = 'wait', nowUs = exact(nowUs), askAtUs = exact(askAgainAt(slotUs, waiting))})
  end
  -- The first row has come, and what is left of it asks again. A slot that nobody took in time shows that nobody waits.
  local left = nowUs - slotUs > stepUs and 0 or math.max(0, waiting - a.rowLength)
  if left ~= waiting then set('waiting', left) end
  grant(math.max(reachable(), slotUs))
end
local probes = gate.circuitPause > 0
if probes then
  set('prober', a.id)
  set('probeUntil', now + a.probeTimeoutMs)
end
save()
-- A process that is alone knows by itself when to ask for the next slot.
local askAtUs = waiting <= a.refused and askAgainAt(gate.lastSlotUs + stepUs, 0) or 0
return cjson.encode({
  kind = 'go',
  nowUs = exact(nowUs),
  askAtUs = exact(askAtUs),
  slotUs = exact(gate.lastSlotUs),
  intervalUs = intervalUs,
  used = gate.used,
  limit = limit,
  reset = gate.reset,
  probe = probes,
  dayBegan = dayBegan,
  ledger = gate.ledger,
  number = gate.number,
  serial = gate.serial,
  tokenMark = gate.tokenMark,
})
`;

/** The request of a slot left late, at `a.sentUs` less what a call may be late without moving the next slot. */
const SENT_LATE = `
local sentUs = math.min(nowUs, a.sentUs)
if sentUs > gate.lastSlotUs then set('lastSlotUs', sentUs) end
save()
return 1
`;

const REPORT = `
local function open(pause, change)
  set('circuitPause', math.min(pause, a.longestPauseMs))
  set('windowNow', '')
  set('windowBefore', '')
  closeUntil(now + gate.circuitPause, 'circuit')
  save()
  return cjson.encode({change = change, pauseMs = gate.circuitPause})
end
if gate.circuitPause > 0 then
  if gate.prober ~= a.id then return cjson.encode({change = 'none'}) end
  forget('prober')
  forget('probeUntil')
  if a.outcome == 'unknown' then return cjson.encode({change = 'none'}) end
  if a.outcome == 'failed' then return open(gate.circuitPause * 2, 'reopened') end
  forget('circuitPause')
  return cjson.encode({change = 'closed'})
end
if a.outcome == 'unknown' then return cjson.encode({change = 'none'}) end
local failed = a.outcome == 'failed' and 1 or 0
local seen = count(1, failed)
-- One bad machine among several does not stop the others.
local isGeneral = seen.failers == '*' or seen.callers ~= '*'
if failed == 1 and isGeneral and seen.calls >= a.fewestCalls and seen.failed >= seen.calls * a.share then
  return open(a.pauseMs, 'opened')
end
save()
return cjson.encode({change = 'none'})
`;

const GIVE_BACK = `
drop(a.id)
if a.reset == gate.reset and gate.reset > now then uncount(1) end
if gate.prober == a.id then
  forget('prober')
  forget('probeUntil')
end
save()
return 1
`;

/** `a.namedMs` is the pause that eBay named, if it named one. */
const THROTTLED = `
local pause = a.namedMs or 0
local wasClosed = gate.closedUntil > now
if not a.namedMs and not wasClosed then
  -- Twice the last one if that ended lately, within four times its own length.
  local isSoon = gate.throttlePause > 0 and now < gate.throttleEnd + 4 * gate.throttlePause
  pause = math.min(isSoon and gate.throttlePause * 2 or a.firstPauseMs, a.longestPauseMs)
  set('throttlePause', pause)
  set('throttleEnd', now + pause)
end
-- The answers to calls under way differ by their milliseconds on the way: those begin no new pause.
local began = now + pause > math.max(now, gate.closedUntil) + 1000 or pause > 0 and not wasClosed
closeUntil(now + pause, 'pause')
save()
return cjson.encode({forMs = gate.closedUntil - now, ['until'] = gate.closedUntil, reason = gate.closedReason, began = began})
`;

const CLOSE = `
closeUntil(now + a.forMs, a.reason)
save()
return gate.closedUntil - now
`;

/** eBay's figures replace ours, less the slots granted since the moment `a.mark` that they were asked for. */
const RECONCILE = `
local isSameLedger = a.mark.ledger == gate.ledger or a.mark.ledger == ''
beginDay()
-- Nothing is saved then: what is left of a count that was lost meanwhile must not look like a count.
if a.reset <= now or a.mark.reset ~= gate.reset or not isSameLedger then return 0 end
local since = math.max(0, gate.granted - a.mark.granted)
set('limit', a.limit)
set('used', math.max(0, a.limit - a.remaining + since))
-- Calls that were under way when a count was lost may not have reached eBay yet.
if gate.known > 0 then set('used', math.max(gate.used, gate.known + gate.granted)) end
if gate.known > 0 then set('knownDay', a.reset) end
set('reset', a.reset)
set('doubt', '')
save()
return 1
`;

/** eBay did not state its count. Calls go on where none was lost, and within a share of the day once eBay was asked for long enough. */
const UNCONFIRMED = `
if gate.doubt == 'new' then
  set('doubt', 'unknown')
elseif gate.doubt == 'lost' and now - gate.doubtSince >= a.probeTimeoutMs then
  set('doubt', 'unconfirmed')
elseif gate.doubt == 'lost' then
  set('verifyUntil', now + 4 * a.probeRetryMs)
end
save()
return gate.doubt
`;

/** A limit that was configured before says nothing new: eBay's own stays, also where Redis lost the configured one. */
const CONFIGURE = `
set('intervalUs', a.intervalUs)
if gate.configured ~= a.dailyLimit then
  if gate.configured or not gate.limit then set('limit', a.dailyLimit) end
  set('configured', a.dailyLimit)
end
save()
return 1
`;

/** Does not save: changes nothing. */
const READ = `
beginDay()
local limit = gate.limit or a.dailyLimit
local closedUntil, reason = closure(usable(limit), false)
local circuit = gate.circuitPause == 0 and 'closed' or gate.closedUntil > now and 'open' or 'half-open'
return cjson.encode({
  nowUs = exact(nowUs),
  nextUs = exact(gate.lastSlotUs + stepUs),
  intervalUs = intervalUs,
  used = gate.used,
  limit = limit,
  reset = gate.reset,
  granted = gate.granted,
  ledger = gate.ledger,
  doubt = gate.doubt,
  circuit = circuit,
  closed = closedUntil and {['until'] = closedUntil, reason = reason},
})
`;

const program = (...parts: string[]) => new LuaScript([STATE, ...parts].join(''));

export const GATE_SCRIPTS = {
  ask: program(QUOTA, CLOSURE, LOSS, CIRCUIT, PACE, ASK),
  sentLate: program(SENT_LATE),
  report: program(CLOSURE, CIRCUIT, REPORT),
  giveBack: program(QUOTA, GIVE_BACK),
  throttled: program(CLOSURE, THROTTLED),
  close: program(CLOSURE, CLOSE),
  reconcile: program(QUOTA, RECONCILE),
  unconfirmed: program(UNCONFIRMED),
  configure: program(CONFIGURE),
  read: program(QUOTA, CLOSURE, PACE, READ),
} as const;
