-- Who is in a channel, and the version that this is. KEYS: members, version, floor.
return { redis.call('HGET', KEYS[2], 'version') or redis.call('GET', KEYS[3]) or '0', redis.call('HKEYS', KEYS[1]) }
