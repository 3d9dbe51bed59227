-- Ends our sessions of one session at a provider, once for each logout token; forgets tokens that have expired.
WITH forgotten AS (
    DELETE FROM logout_tokens
    WHERE expires_at < now()
), noted AS (
    INSERT INTO logout_tokens (token_id, expires_at)
    VALUES (%(token_id)s, now() + %(period)s)
    ON CONFLICT DO NOTHING
    RETURNING token_id
), ended AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'signed_out_by_provider'
    FROM noted
    WHERE sessions.sid = %(sid)s
      AND sessions.provider = %(provider)s
      AND sessions.revoked_at IS NULL
    RETURNING sessions.id
)
SELECT EXISTS (SELECT FROM noted) AS is_new, (SELECT count(*) FROM ended) AS sessions
