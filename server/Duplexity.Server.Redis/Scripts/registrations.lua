-- The registrations of public names: under each name a packed list of { client, session, generation, node, entry, 1 where it is shared }.

local function registrations(pipes, name)
  local packed = redis.call('HGET', pipes, name)
  return packed and cmsgpack.unpack(packed) or {}
end

-- What is left of a name's registrations; the sets of names of its client and of the nodes follow.
local function keep(pipes, own, of, name, client, before, after)
  for _, there in ipairs(before) do
    redis.call('SREM', of .. there[4] .. ':pipes', name)
  end

  if #after == 0 then
    redis.call('HDEL', pipes, name)
    redis.call('SREM', own .. client, name)
    return
  end

  redis.call('HSET', pipes, name, cmsgpack.pack(after))
  redis.call('SADD', own .. client, name)
  for _, there in ipairs(after) do
    redis.call('SADD', of .. there[4] .. ':pipes', name)
  end
end
