-- A client's public pipes. KEYS: pipes, the client's names.
local found = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local pipe = redis.call('HGET', KEYS[1], name)
  if pipe then
    found[#found + 1] = cmsgpack.unpack(pipe)[5]
  end
end

return found
