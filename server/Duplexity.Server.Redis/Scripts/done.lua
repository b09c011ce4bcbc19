-- A node has done what was told. KEYS: system done. ARGV: time, node, how much it hit, number, topic, teller, how long that is remembered (ms).
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
redis.call('PUBLISH', ARGV[5] .. ARGV[6], cmsgpack.pack({ 'done', tonumber(ARGV[4]) }))
return 1
