-- Removes public pipes that a session registered with a generation up to this one. KEYS: pipes, the client's names, left, until.
-- ARGV: time, belongings prefix, prefix of a client's pipes, prefix of those below a name, client, session, generation, how long a name rests, 1 for all of them, then names.
local keys = { pipes = KEYS[1], left = KEYS[3], till = KEYS[4], of = ARGV[2], own = ARGV[3], below = ARGV[4] }
local client, session, generation, rest = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local removed, names = {}, {}
if ARGV[9] == '1' then
  names = redis.call('SMEMBERS', KEYS[2])
else
  for i = 10, #ARGV do
    names[#names + 1] = ARGV[i]
  end
end

for _, name in ipairs(names) do
  local before, after = registrations(keys.pipes, name), {}
  for _, there in ipairs(before) do
    if there[1] == client and there[2] == session and there[3] <= generation then
      removed[#removed + 1] = there[5]
    else
      after[#after + 1] = there
    end
  end

  if #after < #before then
    keep(keys, name, before, after, rest)
  end
end

return removed
