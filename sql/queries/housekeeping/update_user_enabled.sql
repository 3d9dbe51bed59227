-- Enables a user. Whatever a sign-in left behind that raced the disabling ends here, before it could come alive.
WITH enabled AS (
    UPDATE users
    SET disabled_at = NULL, updated_at = now()
    WHERE id = %(user_id)s
      AND disabled_at IS NOT NULL
    RETURNING id
), revoked AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'user_disabled'
    FROM enabled
    WHERE sessions.user_id = enabled.id
      AND sessions.revoked_at IS NULL
      AND sessions.idle_expires_at > now()
      AND sessions.expires_at > now()
), deleted AS (
    DELETE FROM api_tokens
    USING enabled
    WHERE api_tokens.user_id = enabled.id
)
SELECT id
FROM enabled
