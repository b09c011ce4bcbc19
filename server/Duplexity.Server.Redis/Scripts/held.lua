-- All locks that are held, and the last event behind which everything is told.
local held = {}
for _, name in ipairs(redis.call('ZRANGE', due, 0, -1)) do
  local lock = load(name)
  save(lock)
  if lock.held and lock.held.ends > now then
    local h = lock.held
    held[#held + 1] = { name, h.client, h.socket, whole(h.token), whole(h.lease), whole(h.ends - now) }
  end
end

local last = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
local next = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
return { last and last[1] or '0-0', held, next and whole(next - now) or '' }
