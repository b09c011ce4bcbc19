-- Tells those who hear of a channel, but for the teller, that something beside its entries has changed. KEYS: everything, followers. ARGV: time, topic prefix, channel, teller.
local change = cmsgpack.pack({ 'hinted', ARGV[3] })
for _, node in ipairs(audience(KEYS[1], KEYS[2])) do
  if node ~= ARGV[4] then
    redis.call('PUBLISH', ARGV[2] .. node, change)
  end
end
