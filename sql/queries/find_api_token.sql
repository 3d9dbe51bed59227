-- The user of a live API token; a use that is a minute after the last one noted is noted.
WITH live AS (
    SELECT api_tokens.id, api_tokens.expires_at,
           users.id AS user_id, users.email, users.name, users.picture, users.groups
    FROM api_tokens
    JOIN users ON users.id = api_tokens.user_id
    WHERE api_tokens.token_hash = %(token_hash)s
      AND (api_tokens.expires_at IS NULL OR api_tokens.expires_at > now())
      AND users.disabled_at IS NULL
), used AS (
    UPDATE api_tokens
    SET last_used_at = now()
    FROM live
    WHERE api_tokens.id = live.id
      -- The row's own, as another request may have noted its use since.
      AND (api_tokens.last_used_at IS NULL OR api_tokens.last_used_at < now() - %(note_interval)s::interval)
)
SELECT id, expires_at, user_id, email, name, picture, groups
FROM live
