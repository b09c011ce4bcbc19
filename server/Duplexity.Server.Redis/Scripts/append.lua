-- Appends a message to all its destinations, or to none: G2, G4, G17, G20 and the hints in one step.
-- KEYS: nodes, births, hearers of everything; with a key its two; then log, top and followers of each destination; with a fence tokens and their use of each; with a source places and their use of each.
-- ARGV: time, node, topic prefix, message id, level, message, size,
--   kind of key ('' none), its name, sequence, the one that has to be stored before it (0 none), fingerprint, window, receipts, sessions, session prefix,
--   fence ('' none), token, fences a channel, source ('' none), offset, epoch, sources a channel, marks are kept for (ms),
--   then of each destination its address, age, count and bytes that it keeps, and how long its top is kept (ms).
local node, topic, id, level, body, size = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
local kind, name, sequence, after, fingerprint, window = ARGV[8], ARGV[9], tonumber(ARGV[10]), tonumber(ARGV[11]), ARGV[12], tonumber(ARGV[13])
local fence, token, edge, marks = ARGV[17], tonumber(ARGV[18]), ARGV[20], ARGV[24]
local place = { offset = tonumber(ARGV[21]), epoch = ARGV[22] }
local count = (#ARGV - 24) / 5

if not redis.call('ZSCORE', KEYS[1], node) then
  return { 'gone' }
end

local now = clock()
local base = 3
if kind ~= '' then
  local earlier = find_receipt(kind, KEYS[4], KEYS[5], name, sequence, after, fingerprint, window, now)
  if earlier then
    return earlier
  end

  base = 5
end

local fences = base + 3 * count
local sources = fences + (fence == '' and 0 or 2 * count)

local function places_of(key)
  local places = {}
  for offset, epoch in string.gmatch(redis.call('HGET', key, edge) or '', '(%d+)@(%S*)') do
    places[#places + 1] = { offset = tonumber(offset), epoch = epoch }
  end

  return places
end

for i = 1, count do
  if fence ~= '' then
    local highest = redis.call('ZSCORE', KEYS[fences + 2 * i - 1], fence)
    if highest and token < tonumber(highest) then
      return { 'stale' }
    end
  end

  if edge ~= '' then
    for _, taken in ipairs(places_of(KEYS[sources + 2 * i - 1])) do
      if taken.epoch == place.epoch and taken.offset >= place.offset then
        return { 'taken' }
      end
    end
  end
end

local life = incarnation()
local addresses, positions, befores = {}, {}, {}
for i = 1, count do
  local log, top = KEYS[base + 3 * i - 2], KEYS[base + 3 * i - 1]
  local settings = 24 + 5 * (i - 1)
  local age, most, bytes = tonumber(ARGV[settings + 2]), tonumber(ARGV[settings + 3]), tonumber(ARGV[settings + 4])
  local there = redis.call('HMGET', top, 'offset', 'epoch', 'bytes', 'first', 'birth')
  local offset = whole((tonumber(there[1]) or 0) + 1)
  -- A channel that was forgotten begins at 1 again, under an epoch that it never had.
  local birth = there[5] or whole(redis.call('INCR', KEYS[2]))
  local epoch = life .. '-' .. birth
  addresses[i], positions[i], befores[i] = ARGV[settings + 1], offset .. '@' .. epoch, there[2] or ''
  if i == 1 then
    redis.call('XADD', log, offset .. '-0', 'e', epoch, 'b', befores[i], 't', whole(now), 'n', size, 'm', body)
  else
    redis.call('XADD', log, offset .. '-0', 'e', epoch, 'b', befores[i], 't', whole(now), 'n', size, 'm', body, 'x', table.concat(positions, ' ', 1, i - 1))
  end

  local kept = { count = redis.call('XLEN', log), bytes = (tonumber(there[3]) or 0) + size, first = tonumber(there[4]) or now }
  if kept.count == 1 then
    kept.bytes, kept.first = size, now
  end

  trim(log, kept, now, age, most, bytes)
  redis.call('HSET', top, 'offset', offset, 'epoch', epoch, 'bytes', whole(kept.bytes), 'first', whole(kept.first), 'birth', birth)
  redis.call('PEXPIRE', log, whole(age / 1000 + 1000))
  redis.call('PEXPIRE', top, ARGV[settings + 5])

  if fence ~= '' then
    local tokens, shown = KEYS[fences + 2 * i - 1], KEYS[fences + 2 * i]
    redis.call('ZADD', tokens, whole(token), fence)
    redis.call('ZADD', shown, offset, fence)
    if redis.call('ZCARD', tokens) > tonumber(ARGV[19]) then
      redis.call('ZREM', tokens, redis.call('ZPOPMIN', shown)[1])
    end

    redis.call('PEXPIRE', tokens, marks)
    redis.call('PEXPIRE', shown, marks)
  end

  if edge ~= '' then
    local taken, shown = KEYS[sources + 2 * i - 1], KEYS[sources + 2 * i]
    local others = {}
    for _, other in ipairs(places_of(taken)) do
      if other.epoch ~= place.epoch then
        others[#others + 1] = whole(other.offset) .. '@' .. other.epoch
      end
    end

    others[#others + 1] = whole(place.offset) .. '@' .. place.epoch
    -- Of the last four lives of the source: who lags by more restarts than that is no runner.
    redis.call('HSET', taken, edge, table.concat(others, ' ', math.max(1, #others - 3)))
    redis.call('ZADD', shown, offset, edge)
    if redis.call('HLEN', taken) > tonumber(ARGV[23]) then
      redis.call('HDEL', taken, redis.call('ZPOPMIN', shown)[1])
    end

    redis.call('PEXPIRE', taken, marks)
    redis.call('PEXPIRE', shown, marks)
  end
end

if kind ~= '' then
  local receipt = { sequence = sequence, fingerprint = fingerprint, at = now, id = id, level = level, to = addresses, places = positions }
  keep_receipt(kind, KEYS[4], KEYS[5], name, receipt, tonumber(ARGV[14]), tonumber(ARGV[15]), ARGV[16], window, now)
end

-- Each node hears of the message once, and which of the copies concern it.
local copies, nodes = {}, {}
for i = 1, count do
  for _, hearer in ipairs(audience(KEYS[3], KEYS[base + 3 * i])) do
    if not copies[hearer] then
      copies[hearer] = {}
      nodes[#nodes + 1] = hearer
    end

    local own = copies[hearer]
    if #own == 0 or own[#own][1] ~= i - 1 then
      own[#own + 1] = { i - 1, befores[i] }
    end
  end
end

for _, hearer in ipairs(nodes) do
  redis.call('PUBLISH', topic .. hearer, cmsgpack.pack({ 'entries', body, positions, copies[hearer] }))
end

return { 'stored', id, level, addresses, positions }
