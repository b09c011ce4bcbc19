-- Records of a kind that never expire, all in one step. KEYS: records of the kind, their expiries, kinds. ARGV: time, kind, then keys and values by turns.
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('ZREM', KEYS[2], ARGV[i])
end

redis.call('SADD', KEYS[3], ARGV[2])
return 1
