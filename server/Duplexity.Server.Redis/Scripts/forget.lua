-- Lets go of what nobody needs any more. KEYS: emptied, floor, kinds. ARGV: time, presence prefix, version prefix, since when a channel is empty (µs ago), records prefix, expiries prefix.
local now = clock()
for _, channel in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now - ARGV[4]), 'LIMIT', 0, 200)) do
  if redis.call('HLEN', ARGV[2] .. channel) == 0 then
    local version = tonumber(redis.call('HGET', ARGV[3] .. channel, 'version') or 0)
    if version > tonumber(redis.call('GET', KEYS[2]) or 0) then
      redis.call('SET', KEYS[2], whole(version))
    end

    redis.call('DEL', ARGV[3] .. channel)
  end

  redis.call('ZREM', KEYS[1], channel)
end

for _, kind in ipairs(redis.call('SRANDMEMBER', KEYS[3], 20)) do
  drop_expired(ARGV[5] .. kind, ARGV[6] .. kind, now)
  if redis.call('EXISTS', ARGV[5] .. kind) == 0 then
    redis.call('SREM', KEYS[3], kind)
  end
end
