-- One user's API tokens, expired ones too, the newest first.
SELECT id, name, created_at, expires_at, last_used_at
FROM api_tokens
WHERE user_id = %(user_id)s
ORDER BY created_at DESC, id
