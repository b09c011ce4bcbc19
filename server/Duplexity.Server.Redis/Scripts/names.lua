-- Public names. Under each a packed list of registrations, all of one client: { client, session, generation, node, entry, 1 where it is shared, tree }; a tree is the name without its asterisk, then those above it.

local function registrations(pipes, name)
  local packed = redis.call('HGET', pipes, name)
  return packed and cmsgpack.unpack(packed) or {}
end

-- The names above one, as its tree says.
local function names_above(tree)
  local names = {}
  for name in string.gmatch(tree, '%S+') do
    names[#names + 1] = name
  end

  table.remove(names, 1)
  return names
end

-- Notes that a client has left a name (G7). keys: left, until. rest: microseconds.
local function part(keys, name, client, rest)
  local now = clock()
  for _, over in ipairs(redis.call('ZRANGEBYSCORE', keys.till, '-inf', whole(now), 'LIMIT', 0, 100)) do
    redis.call('HDEL', keys.left, over)
    redis.call('ZREM', keys.till, over)
  end

  if rest > 0 then
    local packed = redis.call('HGET', keys.left, name)
    local last = packed and cmsgpack.unpack(packed)
    -- Who registered it while it rested may come back at once, and has still not served it: then it is the name of several, which is nobody's.
    local several = last and last[2] > now and last[1] ~= client
    redis.call('HSET', keys.left, name, cmsgpack.pack({ several and '' or client, now + rest }))
    redis.call('ZADD', keys.till, whole(now + rest), name)
  end
end

-- Puts a name's registrations in the place of those before; the sets of its client's names, of the nodes' and of those below each name follow. keys: pipes, and the prefixes of these sets.
local function put(keys, name, before, after)
  for _, there in ipairs(before) do
    redis.call('SREM', keys.of .. there[4] .. ':pipes', name)
  end

  redis.call('HSET', keys.pipes, name, cmsgpack.pack(after))
  redis.call('SADD', keys.own .. after[1][1], name)
  for _, there in ipairs(after) do
    redis.call('SADD', keys.of .. there[4] .. ':pipes', name)
  end

  for _, above in ipairs(names_above(after[1][7])) do
    redis.call('SADD', keys.below .. above, name)
  end
end

-- Keeps of a name's registrations those after; with the last one its client has left the name. keys: as above, left, until.
local function keep(keys, name, before, after, rest)
  if #after > 0 then
    return put(keys, name, before, after)
  end

  local client, tree = before[1][1], before[1][7]
  for _, there in ipairs(before) do
    redis.call('SREM', keys.of .. there[4] .. ':pipes', name)
  end

  redis.call('HDEL', keys.pipes, name)
  redis.call('SREM', keys.own .. client, name)
  for _, above in ipairs(names_above(tree)) do
    redis.call('SREM', keys.below .. above, name)
  end

  if tree ~= '' then
    part(keys, name, client, rest)
  end
end

-- Whether somebody else has a name at, above or below this one.
local function is_in_foreign_tree(pipes, below, tree, client)
  local names, root = {}, nil
  for above in string.gmatch(tree, '%S+') do
    root = root or above
    names[#names + 1] = above
    names[#names + 1] = '*.' .. above
  end

  if not root then
    return false
  end

  for _, name in ipairs(redis.call('SMEMBERS', below .. root)) do
    names[#names + 1] = name
  end

  for _, name in ipairs(names) do
    local there = registrations(pipes, name)
    if #there > 0 and there[1][1] ~= client then
      return true
    end
  end

  return false
end
