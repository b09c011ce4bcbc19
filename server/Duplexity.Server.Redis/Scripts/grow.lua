-- The next generation. KEYS: the counter.
return whole(growing(KEYS[1]))
