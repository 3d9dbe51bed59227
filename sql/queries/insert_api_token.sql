-- A new API token in the first of the user's free slots, which bound how many one user has.
INSERT INTO api_tokens (user_id, slot, name, token_hash, expires_at)
SELECT %(user_id)s, slot, %(name)s, %(token_hash)s, now() + %(lifetime)s
FROM generate_series(1, %(slots)s) AS slot
WHERE NOT EXISTS (
    SELECT FROM api_tokens WHERE api_tokens.user_id = %(user_id)s AND api_tokens.slot = slot.slot
)
ORDER BY slot
LIMIT 1
RETURNING id, name, created_at, expires_at, last_used_at
