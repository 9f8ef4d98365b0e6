#pragma once

#include <string_view>

#include <keywheel/version.hpp>

/// What ticket_log.cpp and shared_records.cpp do, inside Redis, so that each request is one atomic step and one round
/// trip. tests/integration/quota_store_test.cpp holds all stores to the same.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// KEYS: state, processes, marks, order of the marks, then one for each window, total and permit asked for.
/// ARGV: as redis_store.cpp writes them. Times in microseconds, which a double holds exactly.
inline constexpr std::string_view kRedisScript = R"lua(
local NOTICE_LOSS, FORGET_ASKER, CLAIM, FORGET_MARKS = 2000000, 2000000, 2000000, 7 * 86400000

local arg, key = 0, 4
local function text() arg = arg + 1 return ARGV[arg] end
local function number() arg = arg + 1 return tonumber(ARGV[arg]) end
local function record() key = key + 1 return KEYS[key] end
local function load(name, empty)
  local packed = redis.call('GET', name)
  return packed and cmsgpack.unpack(packed) or empty
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wall = math.floor(now / 1000)
local process, known, jumped, lease, leaving = text(), text(), number() == 1, number(), number() == 1
local seen, run, uptime, fresh = number(), text(), number(), text()

-- The epoch. Redis tells its uptime in whole seconds.
local state = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'unknown_before', 'marks')
local epoch, unknown_before = state[1] or '', tonumber(state[3] or 0)
local restarted = epoch ~= '' and state[2] ~= run
if epoch == '' or restarted or (jumped and known == epoch) then
  if jumped or (epoch == '' and known ~= '') then
    unknown_before = now
  else
    unknown_before = now - uptime + 1000000
  end
  epoch = fresh
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'run', run, 'unknown_before', string.format('%.0f', unknown_before))
end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[2], string.format('%.0f', now + lease), process)
local processes = redis.call('ZCARD', KEYS[2])
if leaving then redis.call('ZREM', KEYS[2], process) end
local last_mark = tonumber(state[4] or 0)
if epoch ~= known then return {epoch, now, processes, last_mark, {}, {}, {}, {}} end

-- Windows: see ticket_log.cpp. An entry is {id, until, amount, owner}.
local function sorted(log) table.sort(log.t, function(a, b) return a[2] < b[2] end) end

local function room(log, ask, first)
  local it = {at = first, next = 0, sum = 0, gone = 0}
  local count = #log.t
  for _, e in ipairs(log.t) do it.sum = it.sum + e[3] end
  local function leave()
    while it.gone < count and log.t[it.gone + 1][2] + ask.window <= it.at do
      it.gone = it.gone + 1
      it.sum = it.sum - log.t[it.gone][3]
    end
  end
  leave()
  function it.take(amount, horizon)
    while it.sum + amount > ask.limit do
      if it.gone == count then return false end
      local freed = log.t[it.gone + 1][2] + ask.window
      if freed > horizon then it.next = freed return false end
      it.at = math.max(it.at, freed)
      leave()
    end
    if it.at > horizon then it.next = it.at return false end
    it.sum = it.sum + amount
    return true
  end
  return it
end

local function settle(log, ask)
  local by_id, all, kept = {}, {}, {}
  for _, use in ipairs(ask.used) do
    if use[1] == 0 then all[#all + 1] = {0, use[2], use[3], ''} else by_id[use[1]] = use end
  end
  for _, e in ipairs(log.t) do
    if not by_id[e[1]] then all[#all + 1] = e end
  end
  for id, use in pairs(by_id) do
    if use[3] > 0 then all[#all + 1] = {id, use[2], use[3], ''} end
  end
  for _, e in ipairs(all) do
    if e[2] + ask.window > now then kept[#kept + 1] = e end
  end
  log.t = kept
end

local function renew(log, ask, ids, renewed)
  local wanted = {}
  for _, id in ipairs(ids) do wanted[id] = true end
  for _, e in ipairs(log.t) do
    if wanted[e[1]] and e[4] ~= '' and e[2] >= now then
      e[2] = math.max(e[2], now + ask.lapse)
      renewed[#renewed + 1] = e[1]
      renewed[#renewed + 1] = e[2]
    end
  end
end

local function claimed_by_another(log, ask)
  if log.u <= now then log.c = '' end
  if log.c ~= '' and log.c ~= process then return true end
  if ask.least > ask.held then
    log.c, log.u = process, now + CLAIM
  else
    log.c = ''
  end
  return false
end

local function share(log, ask, askers)
  if askers <= 1 or log.c == process then return ask.want end
  local open, mine = 0, 0
  for _, e in ipairs(log.t) do
    if e[4] ~= '' and e[2] >= now then
      open = open + e[3]
      if e[4] == process then mine = mine + e[3] end
    end
  end
  local it, free = room(log, ask, math.max(now, log.f, log.b)), 0
  while free < ask.want * askers and it.take(ask.each, now + ask.horizon) do free = free + ask.each end
  local part = math.ceil((open + free) / askers) - mine
  return math.min(ask.want, math.max(part, mine == 0 and ask.each or 0))
end

local function give(log, ask, most, tickets)
  local it, sum, given, next = room(log, ask, math.max(now, log.f, log.b)), 0, {}, 0
  while sum < most do
    local amount = math.min(ask.each, most - sum)
    if not it.take(amount, now + ask.horizon) then
      next = it.next
      if next == 0 and given[1] then next = given[1][2] + ask.window end
      break
    end
    sum = sum + amount
    log.f, log.i = it.at, log.i + 1
    given[#given + 1] = {log.i, it.at + ask.lapse, amount, process}
    for _, n in ipairs({log.i, it.at, it.at + ask.lapse, amount}) do tickets[#tickets + 1] = n end
  end
  if log.c == process and ask.held + sum >= ask.least then log.c = '' end
  for _, e in ipairs(given) do log.t[#log.t + 1] = e end
  return sum < ask.want and math.max(next, now + math.floor(ask.horizon / 4)) or 0
end

local function window()
  local name = record()
  local ask = {limit = number(), window = number(), lapse = number(), horizon = number(), each = number(),
               want = number(), least = number(), held = number(), used = {}, renew = {}, save = {}}
  for i = 1, number() do ask.used[i] = {number(), number(), number()} end
  for i = 1, number() do ask.renew[i] = number() end
  for i = 1, number() do ask.save[i] = number() end
  local log = load(name, nil)
  if not log or log.e ~= epoch then
    log = {e = epoch, b = 0, f = 0, i = 0, t = {}, a = {}, c = '', u = 0}
    if unknown_before ~= 0 then
      log.b = unknown_before + NOTICE_LOSS + ask.window + ask.lapse + ask.horizon
    end
  end
  settle(log, ask)
  if ask.want > 0 then log.a[process] = now end
  local askers = 0
  for who, when in pairs(log.a) do
    if when + FORGET_ASKER <= now then log.a[who] = nil else askers = askers + 1 end
  end
  local claimed = claimed_by_another(log, ask)
  local tickets, renewed, next = {}, {}, 0
  renew(log, ask, ask.renew, renewed)
  if not claimed then renew(log, ask, ask.save, renewed) end
  sorted(log)
  if ask.want > 0 then
    next = give(log, ask, claimed and 0 or share(log, ask, askers), tickets)
    sorted(log)
  end
  local ends = math.max(log.f, log.b, #log.t > 0 and log.t[#log.t][2] or 0) + ask.window
  redis.call('SET', name, cmsgpack.pack(log), 'PX', string.format('%.0f', math.ceil((ends - now) / 1000) + 1000))
  return {next, tickets, renewed}
end

-- Totals and permits: see shared_records.cpp.
local function total()
  local name = record()
  local limit, holding, told, want, final, keep = number(), number(), number(), number(), number() == 1, number()
  local it = load(name, {b = 0, s = 0, h = {}})
  local mine, more = math.max(it.h[process] or 0, holding), 0
  if final then
    local unused = math.max((it.h[process] or 0) - holding, 0)
    it.s, told = it.s - unused, told - unused
    it.b = it.b + holding
    it.h[process] = nil
    mine = holding
  else
    it.h[process] = mine
  end
  local told_apart = it.b
  for _, held in pairs(it.h) do told_apart = told_apart + held end
  it.s = math.max(it.s, told, told_apart)
  local complete = unknown_before == 0 or now >= unknown_before + NOTICE_LOSS
  if complete and not final then more = math.max(0, math.min(limit - it.s, want)) end
  it.s = it.s + more
  if more > 0 then it.h[process] = mine + more end
  local answer = {mine + more, it.s}
  if keep > 0 then
    redis.call('SET', name, cmsgpack.pack(it), 'EX', string.format('%.0f', keep))
  else
    redis.call('SET', name, cmsgpack.pack(it))
  end
  return answer
end

local function permit()
  local name = record()
  local limit, used, want = number(), number(), number()
  local holders = load(name, {})
  local others, wanted, wanting = 0, want, want > 0 and 1 or 0
  for who, h in pairs(holders) do
    if h[3] <= now then
      holders[who] = nil
    elseif who ~= process then
      others = others + h[1]
      wanted = wanted + math.max(h[1], h[2])
      if h[2] > 0 then wanting = wanting + 1 end
    end
  end
  local most = want
  if wanted > limit and wanting > 0 then most = math.min(most, math.max(used, math.ceil(limit / wanting))) end
  local held = math.max(used, math.min(most, limit - others), 0)
  holders[process] = (held > 0 or want > 0) and {held, want, now + lease} or nil
  redis.call('SET', name, cmsgpack.pack(holders), 'PX', string.format('%.0f', math.ceil(lease / 1000)))
  return held
end

local windows, totals, permits, marks = {}, {}, {}, {}
for i = 1, number() do windows[i] = window() end
for i = 1, number() do totals[i] = total() end
for i = 1, number() do permits[i] = permit() end

local function outranks(rank, until_, current)
  if rank == 0 or current[1] == 0 then return rank ~= current[1] end
  if current[2] <= wall or rank > current[1] then return true end
  return rank == current[1] and until_ > current[2]
end
for _ = 1, number() do
  local name, rank, until_, body = text(), number(), number(), text()
  local current = redis.call('HGET', KEYS[3], name)
  if not current or outranks(rank, until_, cmsgpack.unpack(current)) then
    last_mark = redis.call('HINCRBY', KEYS[1], 'marks', 1)
    if rank == 0 then until_ = wall end
    redis.call('HSET', KEYS[3], name, cmsgpack.pack({rank, until_, body}))
    redis.call('ZADD', KEYS[4], last_mark, name)
    for _, old in ipairs(redis.call('ZRANGE', KEYS[4], 0, 9)) do
      if cmsgpack.unpack(redis.call('HGET', KEYS[3], old))[2] < wall - FORGET_MARKS then
        redis.call('HDEL', KEYS[3], old)
        redis.call('ZREM', KEYS[4], old)
      end
    end
  end
end
if seen < last_mark then
  for i, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. seen, '+inf')) do
    local m = cmsgpack.unpack(redis.call('HGET', KEYS[3], name))
    marks[i] = {name, m[1], m[2], m[3]}
  end
end
return {epoch, now, processes, last_mark, windows, totals, permits, marks}
)lua";

}  // namespace detail
KEYWHEEL_END_NAMESPACE
