import {
  CHUNKS,
  FORGET_HELD_MS,
  FORGET_MS,
  HOLDER_MS,
  LONE_CHUNKS,
  LONE_LEASE_MINUTES,
  LONG_MS,
  OVERAGE_PACE_PARTS,
  SEAT_MS,
} from './leases.ts'

/**
 * The rules of `settle.ts`, word for word, on the hash of each agreement. Fields:
 *
 *   w:{per}     start messages bytes                        what is used of the window that began at start
 *   n:{holder}  id seen heldMessages heldBytes waiting n start… kind messages bytes endsAt resumesAt n start…
 *
 * KEYS: a hash for each ask. ARGV: the asks as JSON, the channel of notices, ms to add to Redis's clock.
 * Numbers are written by `%.0f`, since Lua's own form of them ends at 14 digits.
 */
export const SWAP = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[3])
local DAY = 86400000

local function text(numbers)
  local words = {}
  for i, number in ipairs(numbers) do words[i] = string.format('%.0f', number) end
  return table.concat(words, ' ')
end

-- Civil calendar from days since 1970, for months.
local function monthOf(ms)
  local z = math.floor(ms / DAY) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (month <= 2 and 1 or 0), month
end

local function firstOf(year, month)
  if month > 12 then year, month = year + 1, 1 end
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local doy = math.floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5)
  return (era * 146097 + yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy - 719468) * DAY
end

local function startOf(per, at)
  if per ~= 'month' then return at - at % per end
  local year, month = monthOf(at)
  return firstOf(year, month)
end

local function endOf(per, start)
  if per ~= 'month' then return start + per end
  local year, month = monthOf(start)
  return firstOf(year, month + 1)
end

local function fieldOf(per)
  return 'w:' .. (per == 'month' and per or string.format('%.0f', per))
end

local function readHolder(value)
  local words = {}
  for word in string.gmatch(value, '%S+') do words[#words + 1] = tonumber(word) or word end
  local holder = { id = words[1], seen = words[2], held = { words[3], words[4] }, waiting = words[5] == 1, starts = {}, leased = {} }
  local at = 7
  for i = 1, words[6] do holder.starts[i] = words[at]; at = at + 1 end
  holder.kind, holder.granted, holder.endsAt, holder.resumesAt = words[at], { words[at + 1], words[at + 2] }, words[at + 3], words[at + 4]
  for i = 1, words[at + 5] do holder.leased[i] = words[at + 5 + i] end
  return holder
end

local function writeHolder(h)
  local lease = text({ h.granted[1], h.granted[2], h.endsAt, h.resumesAt, #h.leased })
  local head = text({ h.id, h.seen, h.held[1], h.held[2], h.waiting and 1 or 0, #h.starts })
  return table.concat({ head, text(h.starts), h.kind, lease, text(h.leased) }, ' ')
end

local function holds(h) return h.held[1] > 0 or h.held[2] > 0 end

local function settle(key, ask)
  local windows, others, silent, dead, before = {}, {}, {}, {}, nil
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local field, value = all[i], all[i + 1]
    if string.sub(field, 1, 2) == 'w:' then
      local start, messages, bytes = string.match(value, '(%S+) (%S+) (%S+)')
      windows[field] = { tonumber(start), tonumber(messages), tonumber(bytes) }
    elseif field == 'n:' .. ask.h then
      before = readHolder(value)
    else
      local holder = readHolder(value)
      if holder.seen < now - (holds(holder) and ${FORGET_HELD_MS} or ${FORGET_MS}) then dead[#dead + 1] = field
      elseif holder.seen >= now - ${HOLDER_MS} and (holder.waiting or holds(holder)) then others[#others + 1] = holder
      else silent[#silent + 1] = holder end
    end
  end

  local function reply(holder)
    local wanted = 0
    for _, other in ipairs(others) do if other.waiting then wanted = 1 end end
    local out = { holder.kind, now, holder.granted[1], holder.granted[2], holder.endsAt, holder.resumesAt, #others + 1, wanted, #holder.leased }
    for _, start in ipairs(holder.leased) do out[#out + 1] = start end
    for i, window in ipairs(ask.w) do
      local used = windows[fieldOf(window[1])]
      local held = { 0, 0 }
      local function count(one)
        if one.starts[i] == used[1] then for u = 1, 2 do held[u] = held[u] + one.held[u] end end
      end
      count(holder)
      for _, other in ipairs(others) do count(other) end
      -- It may only have been slow, and give it back yet.
      for _, other in ipairs(silent) do count(other) end
      for _, number in ipairs({ used[1], endOf(window[1], used[1]), used[2], used[3], math.max(0, used[2] - held[1]), math.max(0, used[3] - held[2]) }) do
        out[#out + 1] = number
      end
    end
    return out
  end

  -- The same ask again: the same answer.
  if before and ask.id <= before.id then return reply(before) end

  local function raise(count, least)
    if not least or least[1] ~= count[1] then return end
    for u = 2, 3 do count[u] = math.max(count[u], least[u]) end
  end

  local used, starts, unknown = {}, {}, {}
  for i, window in ipairs(ask.w) do
    local known = windows[fieldOf(window[1])]
    -- Time never runs back into a window that is over.
    local start = math.max(startOf(window[1], now), known and known[1] or 0)
    local count = { start, 0, 0 }
    local seeded = ask.s[i] and ask.s[i][1] == start
    raise(count, known)
    raise(count, ask.f[i])
    if not known and not seeded and (window[1] == 'month' or window[1] >= ${LONG_MS}) then unknown[#unknown + 1] = i - 1 end
    used[i], starts[i] = count, start
  end
  if #unknown > 0 then
    local out = { 'unknown', now, #unknown }
    for _, i in ipairs(unknown) do out[#out + 1] = i end
    for _, start in ipairs(starts) do out[#out + 1] = start end
    return out
  end

  -- Nobody returns more than is known to be held.
  local known = before and { before.held[1], before.held[2] } or { 0, 0 }
  local gave = false
  for _, owed in ipairs(ask.o) do
    for u = 1, 2 do known[u] = known[u] + owed[u + 1] end
    for i, count in ipairs(used) do
      if owed[1][i] == count[1] then for u = 1, 2 do count[u + 1] = count[u + 1] + owed[u + 1] end end
    end
  end
  for _, back in ipairs(ask.r) do
    local clipped = { math.min(back[2], known[1]), math.min(back[3], known[2]) }
    for u = 1, 2 do known[u] = known[u] - clipped[u] end
    if back[2] > 0 or back[3] > 0 then gave = true end
    for i, count in ipairs(used) do
      if back[1][i] == count[1] then for u = 1, 2 do count[u + 1] = math.max(0, count[u + 1] - clipped[u]) end end
    end
  end
  -- What the ledger knows holds all that was handed out while this was away: nothing is added to it.
  for i, count in ipairs(used) do raise(count, ask.s[i]) end

  local holder = { id = ask.id, seen = now, held = { ask.hm, ask.hb }, waiting = false, starts = starts, leased = starts,
    kind = 'granted', granted = { 0, 0 }, endsAt = -1, resumesAt = -1 }
  local short = {}
  if ask.n and not ask.v then
    for i, window in ipairs(ask.w) do
      for u = 1, 2 do
        local limit = window[u + 1]
        if limit >= 0 and limit - used[i][u + 1] < ask.n[u] then short[#short + 1] = { i, u } end
      end
    end
  end
  if #short > 0 then
    holder.kind = 'exhausted'
    for _, other in ipairs(others) do
      local helps = true
      for _, s in ipairs(short) do
        if not (other.held[s[2]] > 0 and other.starts[s[1]] == used[s[1]][1]) then helps = false end
      end
      if helps then holder.kind = 'wait' end
    end
    if holder.kind == 'wait' then holder.waiting = true
    else
      for _, s in ipairs(short) do holder.resumesAt = math.max(holder.resumesAt, endOf(ask.w[s[1]][1], used[s[1]][1])) end
    end
  elseif ask.n then
    local nothing = false
    for u = 1, 2 do
      local pace = ask.p and ask.p[u]
      local limited, left, most = false, math.huge, not ask.v and pace or math.huge
      local lone = #others == 0 and math.ceil((pace or 0) * ${LONE_LEASE_MINUTES}) or 0
      for i, window in ipairs(ask.w) do
        local limit = window[u + 1]
        if limit >= 0 then
          limited = true
          most = math.min(most, math.max(math.ceil(limit / ${CHUNKS}), math.min(math.ceil(limit / ${LONE_CHUNKS}), lone)))
          if not ask.v then left = math.max(0, math.min(left, limit - used[i][u + 1])) end
        end
      end
      if limited then
        if ask.v then most = math.max(most, math.ceil((pace or 0) / ${OVERAGE_PACE_PARTS})) end
        most = math.max(0, most - (u == 1 and ask.hm or ask.hb))
        local share = math.floor(left / (2 * (#others + 1)))
        holder.granted[u] = math.min(left, math.max(1, ask.n[u], math.min(most, share)))
        if holder.granted[u] == 0 and ask.n[1] == 0 and ask.n[2] == 0 then nothing = true end
      end
    end
    -- Nothing of one unit is nothing of both.
    if nothing then holder.granted = { 0, 0 } end
  end

  local fields, longest = {}, now
  for i, window in ipairs(ask.w) do
    local count = used[i]
    for u = 1, 2 do
      count[u + 1] = count[u + 1] + holder.granted[u]
      holder.held[u] = i == 1 and holder.held[u] + holder.granted[u] or holder.held[u]
    end
    local ends = endOf(window[1], count[1])
    if holder.endsAt < 0 or ends < holder.endsAt then holder.endsAt = ends end
    longest = math.max(longest, ends)
    windows[fieldOf(window[1])] = count
    fields[#fields + 1] = fieldOf(window[1])
    fields[#fields + 1] = text(count)
  end
  redis.call('HSET', key, 'n:' .. ask.h, writeHolder(holder), unpack(fields))
  if #dead > 0 then redis.call('HDEL', key, unpack(dead)) end
  -- Beyond the longest window, so that the next one of its kind is known to be new, not unknown.
  redis.call('PEXPIRE', key, string.format('%.0f', longest - now + DAY))

  local waits = false
  for _, other in ipairs(others) do waits = waits or other.waiting end
  local function tell(kind) redis.call('PUBLISH', ARGV[2], kind .. ' ' .. ask.h .. ' ' .. ask.a) end
  if holder.waiting then tell('wanted') end
  if waits and (gave or not holds(holder)) then tell('returned') end
  return reply(holder)
end

local answers = {}
for i, ask in ipairs(cjson.decode(ARGV[1])) do answers[i] = settle(KEYS[i], ask) end
return answers
`

/**
 * Counts of seats: fields are nodes, values `count until`. KEYS: a hash for each ask and kind. ARGV: the asks as JSON
 * (`[node, held, want, limit]`), ms to add to Redis's clock. Counts are absolute, so a repeated call changes nothing.
 */
export const SEAT = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])
local counts = {}
for i, ask in ipairs(cjson.decode(ARGV[1])) do
  local key, node, others = KEYS[i], ask[1], 0
  local all = redis.call('HGETALL', key)
  for j = 1, #all, 2 do
    local count, ends = string.match(all[j + 1], '(%S+) (%S+)')
    if tonumber(ends) <= now then redis.call('HDEL', key, all[j])
    elseif all[j] ~= node then others = others + tonumber(count) end
  end
  local count = ask[2] + math.max(0, math.min(ask[3], ask[4] - others - ask[2]))
  if count > 0 then
    redis.call('HSET', key, node, string.format('%.0f %.0f', count, now + ${SEAT_MS}))
    redis.call('PEXPIRE', key, ${SEAT_MS})
  else redis.call('HDEL', key, node) end
  counts[i] = count
end
return counts
`
