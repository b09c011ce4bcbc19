-- Who is told what: everybody that hears all, and those that follow the channel.
local function audience(everything, followers)
  local nodes = redis.call('SMEMBERS', everything)
  for _, node in ipairs(redis.call('SMEMBERS', followers)) do
    nodes[#nodes + 1] = node
  end

  return nodes
end
