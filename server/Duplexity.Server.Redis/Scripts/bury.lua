-- Removes some of what a dead node has left, but for locks. KEYS: buried, floor, emptied, everything, pipes, left, until.
-- ARGV: time, dead node, topic prefix, belongings prefix, prefixes of presence, its versions, followers and a client's pipes, reason, prefix of the pipes below a name, how long one rests. Answers how much it removed.
local dead, of, count = ARGV[2], ARGV[4], 0
local keys = { pipes = KEYS[5], left = KEYS[6], till = KEYS[7], of = of, own = ARGV[8], below = ARGV[10] }
for _, place in ipairs(redis.call('SPOP', of .. dead .. ':presence', 100)) do
  local channel, client, socket = string.match(place, '^(%Z*)%z(%Z*)%z(%Z*)$')
  local presence = { members = ARGV[5] .. channel, version = ARGV[6] .. channel, floor = KEYS[2], emptied = KEYS[3], everything = KEYS[4], followers = ARGV[7] .. channel }
  if redis.call('HGET', presence.members, member_of(client, socket)) == dead then
    leave(presence, ARGV[3], of, channel, client, socket, ARGV[9])
  end

  count = count + 1
end

for _, name in ipairs(redis.call('SPOP', of .. dead .. ':pipes', 100)) do
  local before, after = registrations(keys.pipes, name), {}
  for _, there in ipairs(before) do
    if there[4] ~= dead then
      after[#after + 1] = there
    end
  end

  if #after < #before then
    keep(keys, name, before, after, tonumber(ARGV[11]))
  end

  count = count + 1
end

for _, channel in ipairs(redis.call('SPOP', of .. dead .. ':follows', 500)) do
  redis.call('SREM', ARGV[7] .. channel, dead)
  count = count + 1
end

redis.call('SREM', KEYS[4], dead)
return count
