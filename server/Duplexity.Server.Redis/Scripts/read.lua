-- Reads a page of a log. KEYS: log, top. ARGV: time, age, count and bytes that are kept, most entries, most bytes, reverse (1), then the place behind which to read, or nothing.
local age, most, bytes, limit, page_bytes, reverse = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local since, since_epoch = ARGV[8] and tonumber(ARGV[8]), ARGV[9]
local there = redis.call('HMGET', KEYS[2], 'offset', 'epoch', 'bytes', 'first')
local offset, epoch = tonumber(there[1]) or 0, there[2] or ''
local kept = { count = redis.call('XLEN', KEYS[1]), bytes = tonumber(there[3]) or 0, first = tonumber(there[4]) or 0 }
local before = kept.count
trim(KEYS[1], kept, clock(), age, most, bytes)
if kept.count < before then
  redis.call('HSET', KEYS[2], 'bytes', whole(kept.bytes), 'first', whole(kept.first))
end

local function offset_of(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local lowest = first and offset_of(first) or offset + 1

-- Whether nothing can be missing behind a place: it is that of a kept entry, of the top, or the one that the first kept entry follows.
local function knows()
  if since == offset and since_epoch == epoch then
    return true
  end

  if not first then
    return false
  end

  if since == lowest - 1 then
    return since_epoch == first[2][4]
  end

  if since < lowest or since >= offset then
    return false
  end

  local entry = redis.call('XRANGE', KEYS[1], whole(since) .. '-0', whole(since) .. '-0')[1]
  return entry and entry[2][2] == since_epoch
end

if since and not knows() then
  return { 0, whole(offset), epoch, 1 }
end

local page, size = {}, 0
local from = since and '(' .. whole(since) .. '-0' or (reverse and '+' or '-')
local last = since or (reverse and offset + 1 or lowest - 1)
local function is_end()
  if reverse then
    return last <= lowest
  end

  return last >= offset
end

local ends = is_end()
while first and not ends and #page < limit and size < page_bytes do
  -- A few at a time: a page ends by its bytes, too.
  local wanted = math.min(limit - #page, 32)
  local entries = reverse and redis.call('XREVRANGE', KEYS[1], from, '-', 'COUNT', wanted) or redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', wanted)
  for _, entry in ipairs(entries) do
    last = offset_of(entry)
    local fields = entry[2]
    page[#page + 1] = { whole(last), fields[2], fields[4], fields[10], fields[12] or '' }
    size = size + fields[8]
    if size >= page_bytes then
      break
    end
  end

  from = '(' .. whole(last) .. '-0'
  ends = #entries == 0 or is_end()
end

return { 1, whole(offset), epoch, ends and 1 or 0, page }
