-- Public pipes. KEYS: pipes. ARGV: time, then names; without one all of them; the entries that are there.
local found = {}
local lists = #ARGV > 1 and redis.call('HMGET', KEYS[1], unpack(ARGV, 2)) or redis.call('HVALS', KEYS[1])
for _, packed in ipairs(lists) do
  for _, there in ipairs(packed and cmsgpack.unpack(packed) or {}) do
    found[#found + 1] = there[5]
  end
end

return found
