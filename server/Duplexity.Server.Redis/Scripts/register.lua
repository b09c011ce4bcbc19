-- Registers public pipes, all or none. KEYS: nodes, pipes. ARGV: time, node, belongings prefix, prefix of a client's pipes, prefix of those below a name, then of each pipe its name, client, session, generation, the entry and its tree.
local node, of, own, below = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not redis.call('ZSCORE', KEYS[1], node) then
  return { 'gone' }
end

local named, conflicts, replaced = {}, {}, {}
for i = 6, #ARGV, 6 do
  local name, client, session, generation = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  local packed = redis.call('HGET', KEYS[2], name)
  local there = packed and cmsgpack.unpack(packed)
  -- The same generation again is the same session that repeats itself, and no news to anyone.
  local may = not there or (there[1] == client and (there[3] < generation or (there[3] == generation and there[2] == session)))
  if named[name] or not may or (not there and is_in_foreign_tree(KEYS[2], below, ARGV[i + 5], client)) then
    conflicts[#conflicts + 1] = name
  elseif there and there[3] < generation then
    replaced[#replaced + 1] = there[5]
  end

  named[name] = true
end

if #conflicts > 0 then
  return { 'refused', conflicts, {} }
end

for i = 6, #ARGV, 6 do
  local name = ARGV[i]
  local packed = redis.call('HGET', KEYS[2], name)
  if packed then
    redis.call('SREM', of .. cmsgpack.unpack(packed)[4] .. ':pipes', name)
  end

  redis.call('HSET', KEYS[2], name, cmsgpack.pack({ ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), node, ARGV[i + 4], ARGV[i + 5] }))
  local root = true
  for above in string.gmatch(ARGV[i + 5], '%S+') do
    if not root then
      redis.call('SADD', below .. above, name)
    end

    root = false
  end

  redis.call('SADD', own .. ARGV[i + 1], name)
  redis.call('SADD', of .. node .. ':pipes', name)
end

return { 'registered', {}, replaced }
