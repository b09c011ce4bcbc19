-- KEYS: the two of the receipt. ARGV: time, kind, name, sequence, fingerprint, window.
return find_receipt(ARGV[2], KEYS[1], KEYS[2], ARGV[3], tonumber(ARGV[4]), 0, ARGV[5], tonumber(ARGV[6]), clock())
