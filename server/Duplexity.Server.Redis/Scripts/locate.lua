-- Who serves visitors. KEYS: pipes, left. ARGV: time, the host, then the wildcards over it, longest first; the entries of one name, none where nobody serves it, or not yet.
local found = {}
for i = 2, #ARGV do
  found = registrations(KEYS[1], ARGV[i])
  if #found > 0 then
    break
  end
end

if #found == 0 then
  return {}
end

for i = 2, #ARGV do
  local packed = redis.call('HGET', KEYS[2], ARGV[i])
  local last = packed and cmsgpack.unpack(packed)
  if last and last[1] ~= found[1][1] and last[2] > clock() then
    return {}
  end
end

local entries = {}
for _, there in ipairs(found) do
  entries[#entries + 1] = there[5]
end

return entries
