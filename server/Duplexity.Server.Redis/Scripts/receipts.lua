-- What appends with keys did before (G4). kind: 's' by session and sequence, 'k' by a key of the application's choice.
-- first: of a session its list of receipts, newest first; of keys the hash of receipts. second: of a session the client's sessions by their last use; of keys the client's keys in the order of their first use.
local function keep_nothing_old(kind, first, second, name, window, now)
  if kind == 's' then
    local used = redis.call('ZSCORE', second, name)
    if used and now - used >= window then
      redis.call('DEL', first)
      redis.call('ZREM', second, name)
    end

    return
  end

  while true do
    local oldest = redis.call('LINDEX', second, 0)
    local kept = oldest and redis.call('HGET', first, oldest)
    if not oldest or (kept and now - cmsgpack.unpack(kept).at < window) then
      return
    end

    redis.call('LPOP', second)
    redis.call('HDEL', first, oldest)
  end
end

local function repeated(receipt, fingerprint)
  if receipt.fingerprint ~= fingerprint then
    return { 'mismatch' }
  end

  return { 'repeated', receipt.id, receipt.level, receipt.to, receipt.places }
end

-- The answer to a repetition, or to what comes too early; nil where the append is to be done now.
local function find_receipt(kind, first, second, name, sequence, after, fingerprint, window, now)
  keep_nothing_old(kind, first, second, name, window, now)
  if kind == 'k' then
    local kept = redis.call('HGET', first, name)
    return kept and repeated(cmsgpack.unpack(kept), fingerprint) or nil
  end

  local newest = redis.call('LINDEX', first, 0)
  local highest = newest and cmsgpack.unpack(newest).sequence or 0
  if sequence > highest then
    return after > highest and { 'early' } or nil
  end

  redis.call('ZADD', second, whole(now), name)
  redis.call('PEXPIRE', first, whole(window / 1000))
  for _, kept in ipairs(redis.call('LRANGE', first, 0, -1)) do
    local receipt = cmsgpack.unpack(kept)
    if receipt.sequence == sequence then
      return repeated(receipt, fingerprint)
    end
  end

  return { 'unknown' }
end

-- receipts: how many of a session, or of a client's keys. sessions: how many of a client; the longest unused gives way, and prefix makes its key.
local function keep_receipt(kind, first, second, name, receipt, receipts, sessions, prefix, window, now)
  if kind == 'k' then
    if redis.call('LLEN', second) >= receipts then
      redis.call('HDEL', first, redis.call('LPOP', second))
    end

    redis.call('HSET', first, name, cmsgpack.pack(receipt))
    redis.call('RPUSH', second, name)
  else
    redis.call('LPUSH', first, cmsgpack.pack(receipt))
    redis.call('LTRIM', first, 0, receipts - 1)
    redis.call('ZADD', second, whole(now), name)
    if redis.call('ZCARD', second) > sessions then
      redis.call('DEL', prefix .. redis.call('ZPOPMIN', second)[1])
    end
  end

  redis.call('PEXPIRE', first, whole(window / 1000))
  redis.call('PEXPIRE', second, whole(window / 1000))
end
