-- Who serves visitors. KEYS: pipes, left. ARGV: time, the host, then the wildcards over it, longest first; the entry, or nothing where nobody serves it, or not yet.
local entry, client
for i = 2, #ARGV do
  local packed = redis.call('HGET', KEYS[1], ARGV[i])
  if packed then
    local there = cmsgpack.unpack(packed)
    entry, client = there[5], there[1]
    break
  end
end

if not entry then
  return {}
end

for i = 2, #ARGV do
  local packed = redis.call('HGET', KEYS[2], ARGV[i])
  local last = packed and cmsgpack.unpack(packed)
  if last and last[1] ~= client and last[2] > clock() then
    return {}
  end
end

return { entry }
