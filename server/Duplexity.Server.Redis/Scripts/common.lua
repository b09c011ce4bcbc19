-- What every script begins with. ARGV[1] is empty; a test may give a time there (µs since 1970), to which the store's clock then stands.

-- A whole number as text: what tostring makes of one beyond 14 digits is none.
local function whole(number)
  return string.format('%.0f', number)
end

-- The server's time in microseconds.
local function clock()
  if ARGV[1] ~= '' then
    return tonumber(ARGV[1])
  end

  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- The name of this life of the store: another one after each restart and each promotion (G2).
local function incarnation()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%w%w%w%w%w%w%w%w%w%w)')
end

-- max(last + 1, time): grows through restarts, losses and corrections of the clock (G16, G17).
local function growing(key)
  local value = math.max(tonumber(redis.call('GET', key) or 0) + 1, clock())
  redis.call('SET', key, whole(value))
  return value
end
