-- One record. KEYS: records of the kind, their expiries, kinds. ARGV: time, what to do, kind, key, value, expiry (µs since 1970, '' never), the value to replace.
local what, key, now = ARGV[2], ARGV[4], clock()
drop_expired(KEYS[1], KEYS[2], now)
local there = read_record(KEYS[1], KEYS[2], key, now)
if what == 'read' then
  return there
end

if what == 'take' then
  redis.call('HDEL', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
  return there
end

if what == 'add' and there then
  return 0
end

if what == 'replace' and there ~= ARGV[7] then
  return 0
end

redis.call('HSET', KEYS[1], key, ARGV[5])
redis.call('SADD', KEYS[3], ARGV[3])
if ARGV[6] == '' then
  redis.call('ZREM', KEYS[2], key)
else
  redis.call('ZADD', KEYS[2], ARGV[6], key)
end

return 1
