-- Public hostnames above and below each other, and between two owners. A pipe is packed as { client, session, generation, node, entry, tree }; a tree is the name without its asterisk, then those above it.

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

-- Removes a pipe that is unpacked. keys: pipes, left, until, and the prefix of those below a name.
local function remove_pipe(keys, name, there, rest)
  redis.call('HDEL', keys.pipes, name)
  local tree = there[6] or ''
  local root = true
  for above in string.gmatch(tree, '%S+') do
    if not root then
      redis.call('SREM', keys.below .. above, name)
    end

    root = false
  end

  if tree ~= '' then
    part(keys, name, there[1], rest)
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
    local packed = redis.call('HGET', pipes, name)
    if packed and cmsgpack.unpack(packed)[1] ~= client then
      return true
    end
  end

  return false
end
