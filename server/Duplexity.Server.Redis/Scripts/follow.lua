-- A node follows channels (again, which changes nothing), or does no more. KEYS: nodes, the node's channels. ARGV: time, node, prefixes of followers, tops and presence versions, 1 to follow, then channels.
-- Answers 0 where the node's lease is over; else 1, and of each channel offset and epoch of its top and the version of its presence, one behind the other.
local follows = ARGV[6] == '1'
if follows and not redis.call('ZSCORE', KEYS[1], ARGV[2]) then
  return { 0, {} }
end

local tops = {}
for i = 7, #ARGV do
  redis.call(follows and 'SADD' or 'SREM', ARGV[3] .. ARGV[i], ARGV[2])
  redis.call(follows and 'SADD' or 'SREM', KEYS[2], ARGV[i])
  local top = redis.call('HMGET', ARGV[4] .. ARGV[i], 'offset', 'epoch')
  local nth = #tops
  tops[nth + 1], tops[nth + 2], tops[nth + 3] = top[1] or '0', top[2] or '', redis.call('HGET', ARGV[5] .. ARGV[i], 'version') or '0'
end

return { 1, tops }
