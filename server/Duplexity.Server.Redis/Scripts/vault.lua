-- A secret: its expiry, a space, and the value. KEYS: the secret. ARGV: time, what to do, value, lifetime (µs) or for a replacement what is expected.
local now = clock()
local there = redis.call('GET', KEYS[1])
local expiry, value = string.match(there or '', '^(%d+) (.*)$')
local is_there = expiry and tonumber(expiry) > now
if ARGV[2] == 'take' then
  redis.call('DEL', KEYS[1])
  return is_there and value or nil
end

if ARGV[2] == 'read' then
  return is_there and value or nil
end

if ARGV[2] == 'replace' then
  if not is_there or value ~= ARGV[4] then
    return 0
  end

  redis.call('SET', KEYS[1], expiry .. ' ' .. ARGV[3], 'KEEPTTL')
  return 1
end

if is_there then
  return 0
end

redis.call('SET', KEYS[1], whole(now + ARGV[4]) .. ' ' .. ARGV[3], 'PX', math.max(1, math.ceil(ARGV[4] / 1000)))
return 1
