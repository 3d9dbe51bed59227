-- Disables a user and ends sessions and API tokens, which do not come back when the user is enabled again.
WITH disabled AS (
    UPDATE users
    SET disabled_at = coalesce(disabled_at, now()), updated_at = now()
    WHERE id = %(user_id)s
    RETURNING id
), revoked AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'user_disabled'
    FROM disabled
    WHERE sessions.user_id = disabled.id
      AND sessions.revoked_at IS NULL
      AND sessions.idle_expires_at > now()
      AND sessions.expires_at > now()
    RETURNING sessions.id
), deleted AS (
    DELETE FROM api_tokens
    USING disabled
    WHERE api_tokens.user_id = disabled.id
    RETURNING api_tokens.id
)
SELECT (SELECT count(*) FROM revoked) AS sessions, (SELECT count(*) FROM deleted) AS api_tokens
FROM disabled
