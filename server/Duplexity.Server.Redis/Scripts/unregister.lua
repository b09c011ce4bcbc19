-- Removes public pipes that a session registered with a generation up to this one. KEYS: pipes, the client's names.
-- ARGV: time, belongings prefix, prefix of a client's pipes, client, session, generation, 1 for all of them, then names.
local of, own, client, session, generation = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local removed, names = {}, {}
if ARGV[7] == '1' then
  names = redis.call('SMEMBERS', KEYS[2])
else
  for i = 8, #ARGV do
    names[#names + 1] = ARGV[i]
  end
end

for _, name in ipairs(names) do
  local before, after = registrations(KEYS[1], name), {}
  for _, there in ipairs(before) do
    if there[1] == client and there[2] == session and there[3] <= generation then
      removed[#removed + 1] = there[5]
    else
      after[#after + 1] = there
    end
  end

  if #after < #before then
    keep(KEYS[1], own, of, name, client, before, after)
  end
end

return removed
