-- Lets go of what a log may no longer keep. kept: how many, how many bytes, and when the first was appended (count, bytes, first); changed in place.
-- Entries are e (epoch), b (epoch of the entry before), t (time), n (size), m (message), x (places of earlier copies); in this order.
local function trim(log, kept, now, age, most, bytes)
  if kept.count == 0 then
    kept.bytes = 0
    return
  end

  local from, stays = '-', nil
  while not stays and kept.count > 0 do
    if kept.count <= most and (kept.bytes <= bytes or kept.count == 1) and now - kept.first <= age then
      return
    end

    local page = redis.call('XRANGE', log, from, '+', 'COUNT', 16)
    for _, entry in ipairs(page) do
      local fields = entry[2]
      if kept.count > most or (kept.bytes > bytes and kept.count > 1) or now - fields[6] > age then
        kept.count = kept.count - 1
        kept.bytes = kept.bytes - fields[8]
        from = '(' .. entry[1]
      else
        kept.first = tonumber(fields[6])
        stays = entry[1]
        break
      end
    end

    if #page == 0 then
      break
    end
  end

  if stays then
    redis.call('XTRIM', log, 'MINID', '=', stays)
  else
    redis.call('DEL', log)
    kept.count, kept.bytes = 0, 0
  end
end
