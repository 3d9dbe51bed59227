-- Ends the sessions that began with an identity, pending ones too, once for each logout token; forgets tokens that
-- have expired.
WITH forgotten AS (
    DELETE FROM logout_tokens
    WHERE expires_at < now()
), noted AS (
    INSERT INTO logout_tokens (token_id, expires_at)
    VALUES (%(token_id)s, now() + %(period)s)
    ON CONFLICT DO NOTHING
    RETURNING token_id
), begun AS (
    SELECT sessions.id
    FROM identities
    -- Before 0004 people had one identity, which gave the address; sessions did not name it.
    JOIN sessions ON sessions.user_id = identities.user_id
                 AND (sessions.identity_id = identities.id
                      OR sessions.identity_id IS NULL AND identities.gives_email)
    WHERE identities.issuer = %(issuer)s
      AND identities.subject = %(subject)s
    UNION ALL
    SELECT id
    FROM sessions
    -- Pending sessions live no longer than this, which is how the index finds them.
    WHERE expires_at BETWEEN now() AND now() + %(pending_lifetime)s
      AND pending_identity ->> 'issuer' = %(issuer)s
      AND pending_identity ->> 'subject' = %(subject)s
), ended AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'signed_out_by_provider'
    FROM noted
    WHERE sessions.id IN (SELECT id FROM begun)
      AND sessions.revoked_at IS NULL
    RETURNING sessions.id
)
SELECT EXISTS (SELECT FROM noted) AS is_new, (SELECT count(*) FROM ended) AS sessions
