-- Tells all nodes something. KEYS: nodes, system, system number. ARGV: time, node, topic, kind, text, how many entries are kept.
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then
  return { 'gone' }
end

-- Numbers grow through a failover as well; each entry names the one before, so that a hole is seen.
local before = redis.call('GET', KEYS[3]) or '0'
local number = growing(KEYS[3])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*', 'n', whole(number), 'after', before, 'by', ARGV[2], 'kind', ARGV[4], 'text', ARGV[5])
local nodes = redis.call('ZRANGE', KEYS[1], 0, -1)
for _, node in ipairs(nodes) do
  redis.call('PUBLISH', ARGV[3] .. node, cmsgpack.pack({ 'told' }))
end

return { 'told', whole(number), nodes }
