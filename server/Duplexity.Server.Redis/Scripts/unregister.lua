-- Removes public pipes that a session registered with a generation up to this one. KEYS: pipes, the client's names, left, until.
-- ARGV: time, belongings prefix, client, session, generation, 1 for all of them, prefix of those below a name, how long one rests, then names.
local keys = { pipes = KEYS[1], left = KEYS[3], till = KEYS[4], below = ARGV[7] }
local removed, names = {}, {}
if ARGV[6] == '1' then
  names = redis.call('SMEMBERS', KEYS[2])
else
  for i = 9, #ARGV do
    names[#names + 1] = ARGV[i]
  end
end

for _, name in ipairs(names) do
  local packed = redis.call('HGET', KEYS[1], name)
  local there = packed and cmsgpack.unpack(packed)
  if there and there[1] == ARGV[3] and there[2] == ARGV[4] and there[3] <= tonumber(ARGV[5]) then
    removed[#removed + 1] = there[5]
    remove_pipe(keys, name, there, tonumber(ARGV[8]))
    redis.call('SREM', KEYS[2], name)
    redis.call('SREM', ARGV[2] .. there[4] .. ':pipes', name)
  end
end

return removed
