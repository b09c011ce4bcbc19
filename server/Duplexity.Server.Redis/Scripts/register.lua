-- Registers public pipes, all or none. KEYS: nodes, pipes. ARGV: time, node, belongings prefix, prefix of a client's pipes, prefix of those below a name,
-- then of each pipe its name, client, session, generation, 1 where it is shared, the entry and its tree.
local node, keys = ARGV[2], { pipes = KEYS[2], of = ARGV[3], own = ARGV[4], below = ARGV[5] }
if not redis.call('ZSCORE', KEYS[1], node) then
  return { 'gone' }
end

local named, conflicts, replaced, lists = {}, {}, {}, {}
for i = 6, #ARGV, 7 do
  local name, client, session, generation, shared, tree = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), ARGV[i + 4] == '1', ARGV[i + 6]
  local before, after = registrations(keys.pipes, name), {}
  local may = not named[name] and not (#before == 0 and is_in_foreign_tree(keys.pipes, keys.below, tree, client))
  for _, there in ipairs(before) do
    if there[1] == client and there[2] ~= session and shared and there[6] == 1 then
      after[#after + 1] = there
    elseif there[1] ~= client or there[3] > generation or (there[3] == generation and there[2] ~= session) then
      may = false
    elseif there[3] < generation then
      replaced[#replaced + 1] = there[5]
    end -- the same generation again is the same session: what it repeats is no news, and what it changes it tells itself
  end

  if not may then
    conflicts[#conflicts + 1] = name
  end

  after[#after + 1] = { client, session, generation, node, ARGV[i + 5], shared and 1 or 0, tree }
  lists[#lists + 1] = { name, before, after }
  named[name] = true
end

if #conflicts > 0 then
  return { 'refused', conflicts, {} }
end

for _, list in ipairs(lists) do
  put(keys, list[1], list[2], list[3])
end

return { 'registered', {}, replaced }
