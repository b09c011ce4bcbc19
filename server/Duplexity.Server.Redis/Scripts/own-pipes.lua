-- A client's public pipes. KEYS: pipes, the client's names.
local found = {}
for _, name in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  for _, there in ipairs(registrations(KEYS[1], name)) do
    found[#found + 1] = there[5]
  end
end

return found
