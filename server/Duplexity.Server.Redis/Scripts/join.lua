-- Adds a socket as a client. KEYS: nodes, members, version, floor, emptied, everything, followers.
-- ARGV: time, node, topic prefix, belongings prefix, channel, client, socket, most other clients ('' any number). Answers whether it is there, and whether that is news.
local keys = { members = KEYS[2], version = KEYS[3], floor = KEYS[4], emptied = KEYS[5], everything = KEYS[6], followers = KEYS[7] }
local node, of, channel, client, socket, most = ARGV[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
if not redis.call('ZSCORE', KEYS[1], node) then
  return { 'gone' }
end

local member = member_of(client, socket)
local own = channel .. '\0' .. member
local there = redis.call('HGET', keys.members, member)
if there then
  if there ~= node then
    -- The same socket under the node's new lease.
    redis.call('HSET', keys.members, member, node)
    redis.call('SREM', of .. there .. ':presence', own)
    redis.call('SADD', of .. node .. ':presence', own)
  end

  return { 'there', 0 }
end

if most then
  local others, count = {}, 0
  for _, other in ipairs(redis.call('HKEYS', keys.members)) do
    local name = string.match(other, '^(%Z*)%z')
    if not others[name] then
      others[name] = true
      count = count + 1
    end
  end

  if not others[client] and count >= most then
    return { 'full', 0 }
  end
end

redis.call('HSET', keys.members, member, node)
redis.call('SADD', of .. node .. ':presence', own)
tell_presence(keys, ARGV[3], channel, client, socket)
return { 'there', 1 }
