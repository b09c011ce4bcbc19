-- Presence is a hash of client and socket → node; its version is told with each change (G23).
local function member_of(client, socket)
  return client .. '\0' .. socket
end

-- keys: members, version, floor, emptied, everything, followers.
local function tell_presence(keys, topic, channel, client, socket, reason)
  local life = incarnation()
  local there = redis.call('HMGET', keys.version, 'version', 'life')
  local version = tonumber(there[1] or redis.call('GET', keys.floor) or 0)
  if there[2] and there[2] ~= life then
    -- What this store may have lost was told under versions that come next.
    version = version + 1000000
  end

  version = version + 1
  redis.call('HSET', keys.version, 'version', whole(version), 'life', life)
  if redis.call('HLEN', keys.members) == 0 then
    redis.call('ZADD', keys.emptied, whole(clock()), channel)
  else
    redis.call('ZREM', keys.emptied, channel)
  end

  local change = cmsgpack.pack({ 'presence', channel, version, client, socket, reason })
  for _, node in ipairs(audience(keys.everything, keys.followers)) do
    redis.call('PUBLISH', topic .. node, change)
  end
end

-- True if it was there; of: what the key of a node's belongings begins with.
local function leave(keys, topic, of, channel, client, socket, reason)
  local member = member_of(client, socket)
  local node = redis.call('HGET', keys.members, member)
  if not node then
    return false
  end

  redis.call('HDEL', keys.members, member)
  redis.call('SREM', of .. node .. ':presence', channel .. '\0' .. member)
  tell_presence(keys, topic, channel, client, socket, reason)
  return true
end
