-- How much something that was told has hit, and how many nodes that heard it may be alive and have not done it. KEYS: nodes, system done. ARGV: time, number, prefix of places, then the nodes.
local now, number, hit, pending = clock(), tonumber(ARGV[2]), 0, 0
for i = 4, #ARGV do
  local done = redis.call('HGET', KEYS[2], ARGV[i])
  local over = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if done then
    hit = hit + done
  elseif over and tonumber(over) > now and tonumber(redis.call('GET', ARGV[3] .. ARGV[i]) or 0) < number then
    pending = pending + 1
  end
end

return { hit, pending }
