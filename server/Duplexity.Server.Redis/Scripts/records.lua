-- Records of a kind are a hash; those that expire are in a sorted set beside it as well.
local function drop_expired(records, expiries, now)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', whole(now), 'LIMIT', 0, 1000)) do
    redis.call('HDEL', records, key)
    redis.call('ZREM', expiries, key)
  end
end

local function read_record(records, expiries, key, now)
  local until_ = redis.call('ZSCORE', expiries, key)
  return not (until_ and tonumber(until_) <= now) and redis.call('HGET', records, key) or nil
end
