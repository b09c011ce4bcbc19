-- Locks (G17). A lock is a hash (client, socket, ticket, token, lease in ms, ends in µs, life of the store); its line is a list of packed waiters { client, socket, ticket, lease, wait (µs), until, node }, first comes first.
-- KEYS: due, token, events, nodes. ARGV: time, node, topic prefix, prefixes of locks, lines, places of a client, places of a socket, belongings; what to do; its arguments.
local due, counter, events, nodes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local me, topic, locks, lines, places, sockets, of = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local now, life = clock(), incarnation()
local told, said = 0, 0

local function tell(lock, event, who, token, waited)
  local change = { lock.name, event, who.client, who.socket, who.ticket, token, who.lease, #lock.line, waited and 1 or 0 }
  redis.call('XADD', events, 'MAXLEN', '~', 10000, '*', 'c', cmsgpack.pack(change))
  said = said + 1
  if event ~= 'renewed' then
    told = told + 1
  end
end

local function keep_place(lock, who)
  redis.call('SADD', places .. who.client, lock.name .. '\0' .. who.socket .. '\0' .. who.ticket)
  redis.call('SADD', sockets .. who.socket, lock.name .. '\0' .. who.client .. '\0' .. who.ticket)
end

local function leave_place(lock, who)
  redis.call('SREM', places .. who.client, lock.name .. '\0' .. who.socket .. '\0' .. who.ticket)
  redis.call('SREM', sockets .. who.socket, lock.name .. '\0' .. who.client .. '\0' .. who.ticket)
end

local function load(name)
  local lock = { name = name, line = {}, nodes = {} }
  local h = redis.call('HMGET', locks .. name, 'client', 'socket', 'ticket', 'token', 'lease', 'ends', 'life')
  if h[1] then
    lock.held = { client = h[1], socket = h[2], ticket = h[3], token = tonumber(h[4]), lease = tonumber(h[5]), ends = tonumber(h[6]), life = h[7] }
    local whole_lease = now + lock.held.lease * 1000
    if lock.held.life ~= life or lock.held.ends > whole_lease then
      -- Another life of the store, or another clock: its holder counts on no more than one lease from now on, and nobody gets it before (G17).
      lock.held.life, lock.held.ends = life, whole_lease
    end
  end

  for i, packed in ipairs(redis.call('LRANGE', lines .. name, 0, -1)) do
    local w = cmsgpack.unpack(packed)
    lock.nodes[w[7]] = true
    lock.line[i] = { client = w[1], socket = w[2], ticket = w[3], lease = w[4], wait = w[5], until_ = math.min(w[6], now + w[5]), node = w[7] }
  end

  return lock
end

local function save(lock)
  local key, line = locks .. lock.name, lines .. lock.name
  local first = nil
  if lock.held then
    local h = lock.held
    redis.call('HSET', key, 'client', h.client, 'socket', h.socket, 'ticket', h.ticket, 'token', whole(h.token), 'lease', whole(h.lease), 'ends', whole(h.ends), 'life', h.life)
    first = h.ends
  else
    redis.call('DEL', key)
  end

  redis.call('DEL', line)
  for _, w in ipairs(lock.line) do
    redis.call('RPUSH', line, cmsgpack.pack({ w.client, w.socket, w.ticket, w.lease, w.wait, w.until_, w.node }))
    redis.call('SADD', of .. w.node .. ':waits', lock.name)
    lock.nodes[w.node] = nil
    first = math.min(first or w.until_, w.until_)
  end

  for node in pairs(lock.nodes) do
    redis.call('SREM', of .. node .. ':waits', lock.name)
  end

  if first then
    redis.call('ZADD', due, whole(first), lock.name)
  else
    redis.call('ZREM', due, lock.name)
  end
end

local function give(lock, who, waited)
  lock.held = { client = who.client, socket = who.socket, ticket = who.ticket, lease = who.lease, token = growing(counter), ends = now + who.lease * 1000, life = life }
  if not waited then
    keep_place(lock, who)
  end

  tell(lock, 'granted', lock.held, lock.held.token, waited)
  if #lock.line > 0 then
    tell(lock, 'contended', lock.held, lock.held.token)
  end
end

local function vacate(lock, event)
  local held = lock.held
  lock.held = nil
  leave_place(lock, held)
  tell(lock, event, held, held.token)
end

local function give_up(lock, waiter)
  leave_place(lock, waiter)
  tell(lock, 'gave-up', waiter, 0, true)
end

-- What time has brought: a lease that is over, those who have waited long enough, and who is next.
local function advance(lock)
  local free = now
  if lock.held and lock.held.ends <= now then
    free = lock.held.ends
    vacate(lock, 'expired')
  end

  while not lock.held and #lock.line > 0 do
    local next = table.remove(lock.line, 1)
    if next.until_ >= free then
      give(lock, next, true)
    else
      give_up(lock, next)
    end
  end

  local line = lock.line
  lock.line = {}
  local late = {}
  for _, waiter in ipairs(line) do
    local to = waiter.until_ <= now and late or lock.line
    to[#to + 1] = waiter
  end

  for _, waiter in ipairs(late) do
    give_up(lock, waiter)
  end
end

-- How many of those in line it takes out.
local function withdraw(lock, whose)
  local stay, gone = {}, 0
  for _, w in ipairs(lock.line) do
    if whose(w) then
      leave_place(lock, w)
      gone = gone + 1
    else
      stay[#stay + 1] = w
    end
  end

  lock.line = stay
  return gone
end

local function is(who, client, socket, ticket)
  return who.client == client and who.socket == socket and who.ticket == ticket
end

local function held_by(lock, client, socket, token)
  local held = lock.held
  return held and held.client == client and held.socket == socket and held.token == token and held.ends > now
end
