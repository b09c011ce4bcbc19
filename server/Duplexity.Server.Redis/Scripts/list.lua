-- All records of a kind. KEYS: records of the kind, their expiries. ARGV: time.
local now = clock()
while redis.call('ZCOUNT', KEYS[2], '-inf', whole(now)) > 0 do
  drop_expired(KEYS[1], KEYS[2], now)
end

return redis.call('HGETALL', KEYS[1])
