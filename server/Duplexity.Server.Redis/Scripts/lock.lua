-- What can be asked of locks. Answers the outcome, the position, whoever holds the lock now, in how many microseconds something ends next, and how many events there are now.
local what, outcome, position, lock = ARGV[9], 0, 0, nil

local function acquire(client, socket, ticket, lease, wait, token, per_client, waiters)
  local held = lock.held
  if held and is(held, client, socket, ticket) then
    return 'granted'
  end

  local who = { client = client, socket = socket, ticket = ticket, lease = lease, wait = wait, until_ = now + wait, node = me }
  if token then
    if not held or held.client ~= client or (held.token ~= token and held.ticket ~= ticket) then
      return 'lost'
    end

    withdraw(lock, function(w) return is(w, client, socket, ticket) end)
    leave_place(lock, held)
    tell(lock, 'taken-over', held, held.token)
    give(lock, who)
    return 'granted'
  end

  for i, w in ipairs(lock.line) do
    if is(w, client, socket, ticket) then
      position = i
      return 'queued'
    end
  end

  position = #lock.line
  if held and wait <= 0 then
    return 'taken'
  end

  if redis.call('SCARD', places .. client) >= per_client then
    position = 0
    return 'too-many'
  end

  if not held then
    give(lock, who)
    return 'granted'
  end

  if #lock.line >= waiters then
    return 'line-full'
  end

  lock.line[#lock.line + 1] = who
  keep_place(lock, who)
  position = #lock.line
  if #lock.line == 1 then
    tell(lock, 'contended', held, held.token)
  end

  return 'queued'
end

-- Of each place of somebody: the lock's name, and the rest.
local function each_lock(key, act)
  local seen = {}
  for _, place in ipairs(redis.call('SMEMBERS', key)) do
    local name = string.match(place, '^(%Z*)%z')
    if not seen[name] then
      seen[name] = true
      lock = load(name)
      act()
      save(lock)
    end
  end
end

if what == 'acquire' then
  if not redis.call('ZSCORE', nodes, me) then
    return { 'gone' }
  end

  lock = load(ARGV[10])
  advance(lock)
  outcome = acquire(ARGV[11], ARGV[12], ARGV[13], tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16]), tonumber(ARGV[17]), tonumber(ARGV[18]))
  save(lock)
elseif what == 'renew' or what == 'release' then
  lock = load(ARGV[10])
  if held_by(lock, ARGV[11], ARGV[12], tonumber(ARGV[13])) then
    outcome = 1
    if what == 'renew' then
      lock.held.ends = now + lock.held.lease * 1000
      tell(lock, 'renewed', lock.held, lock.held.token)
    else
      vacate(lock, 'released')
      advance(lock)
    end

    save(lock)
  end
elseif what == 'break' then
  lock = load(ARGV[10])
  if lock.held and lock.held.ends > now then
    outcome = 1
    vacate(lock, 'broken')
    advance(lock)
    save(lock)
  end
elseif what == 'withdraw' then
  lock = load(ARGV[10])
  outcome = withdraw(lock, function(w) return is(w, ARGV[11], ARGV[12], ARGV[13]) end) > 0 and 1 or 0
  save(lock)
elseif what == 'drop' then
  local client, socket = ARGV[10], ARGV[11]
  each_lock(places .. client, function()
    withdraw(lock, function(w) return w.client == client and (not socket or w.socket == socket) end)
    if lock.held and lock.held.client == client and (not socket or lock.held.socket == socket) then
      vacate(lock, 'released')
      advance(lock)
    end
  end)
elseif what == 'lose' then
  local socket, client = ARGV[10], ARGV[11]
  each_lock(sockets .. socket, function()
    withdraw(lock, function(w) return w.socket == socket and (not client or w.client == client) end)
  end)
elseif what == 'bury' then
  -- Whoever waited at a node that is dead; what is held there stays until its lease ends.
  for _, name in ipairs(redis.call('SPOP', of .. ARGV[10] .. ':waits', 100)) do
    lock = load(name)
    withdraw(lock, function(w) return w.node == ARGV[10] end)
    save(lock)
    outcome = outcome + 1
  end
elseif what == 'alarm' then
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', whole(now), 'LIMIT', 0, 100)) do
    lock = load(name)
    advance(lock)
    save(lock)
  end
end

if told > 0 then
  for _, node in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
    redis.call('PUBLISH', topic .. node, cmsgpack.pack({ 'locks' }))
  end
end

local holder = {}
if lock and lock.held and lock.held.ends > now then
  local h = lock.held
  holder = { h.client, h.socket, whole(h.token), whole(h.lease), whole(h.ends - now) }
end

local next = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[2]
return { outcome, position, holder, next and whole(next - now) or '', said }
