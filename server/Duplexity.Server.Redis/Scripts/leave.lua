-- Removes a socket as a client. KEYS: members, version, floor, emptied, everything, followers. ARGV: time, topic prefix, belongings prefix, channel, client, socket, reason if there is one.
local keys = { members = KEYS[1], version = KEYS[2], floor = KEYS[3], emptied = KEYS[4], everything = KEYS[5], followers = KEYS[6] }
return leave(keys, ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]) and 1 or 0
