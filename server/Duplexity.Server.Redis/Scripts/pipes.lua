-- Public pipes. KEYS: pipes. ARGV: time, then names; without one all of them; the entries that are there.
local found = {}
local packed = #ARGV > 1 and redis.call('HMGET', KEYS[1], unpack(ARGV, 2)) or redis.call('HVALS', KEYS[1])
for _, pipe in ipairs(packed) do
  if pipe then
    found[#found + 1] = cmsgpack.unpack(pipe)[5]
  end
end

return found
