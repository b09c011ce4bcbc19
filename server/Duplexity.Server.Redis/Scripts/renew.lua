-- Renews a node's lease, or begins it; says in which life the store is, which dead nodes wait for being buried (G16), and which are alive.
-- KEYS: nodes, buried, watch. ARGV: time, node, lease (µs), 1 to begin.
local now, life, lease = clock(), incarnation(), tonumber(ARGV[3])
local watch = redis.call('HMGET', KEYS[3], 'heard', 'life', 'quiet')
local quiet = math.min(tonumber(watch[3]) or 0, now + lease)
if (watch[2] and watch[2] ~= life) or (watch[1] and now - watch[1] > lease / 2) then
  -- The store was away, or is another one: those who could not renew get the time to.
  quiet = now + lease
end

redis.call('HSET', KEYS[3], 'heard', whole(now), 'life', life, 'quiet', whole(quiet))
if ARGV[4] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[2]) then
  return { 'gone', life, {} }
end

redis.call('ZADD', KEYS[1], whole(now + lease), ARGV[2])
for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. whole(now + lease), '+inf')) do
  -- The clock was set back.
  redis.call('ZADD', KEYS[1], whole(now + lease), ahead)
end

if quiet <= now then
  for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now), 'LIMIT', 0, 16)) do
    redis.call('ZREM', KEYS[1], dead)
    redis.call('ZADD', KEYS[2], whole(now), dead)
  end
end

return { 'renewed', life, redis.call('ZRANGE', KEYS[2], 0, 15), redis.call('ZRANGE', KEYS[1], 0, -1) }
