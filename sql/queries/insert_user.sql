-- Registration: a pending session becomes a user, an identity and a session with a new token, or nothing does.
WITH pending AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'registered'
    WHERE id = %(pending_session_id)s
      AND pending_identity IS NOT NULL
      AND revoked_at IS NULL
      AND expires_at > now()
    RETURNING pending_identity, provider, sid, state_hash, ip, user_agent
), new_user AS (
    INSERT INTO users (email, name, picture)
    SELECT pending_identity ->> 'email',
           coalesce(%(name)s, pending_identity ->> 'name'),
           coalesce(%(picture)s, pending_identity ->> 'picture')
    FROM pending
    RETURNING id, email, name, picture
), new_identity AS (
    INSERT INTO identities (issuer, subject, user_id, email, last_used_at)
    SELECT pending_identity ->> 'issuer', pending_identity ->> 'subject', new_user.id, new_user.email, now()
    FROM pending, new_user
    RETURNING id
), new_session AS (
    INSERT INTO sessions (
        token_hash, user_id, identity_id, provider, sid, state_hash, idle_expires_at, expires_at, ip, user_agent
    )
    SELECT %(token_hash)s, new_user.id, new_identity.id, provider, sid, state_hash,
           now() + %(idle_limit)s, now() + %(lifetime)s, ip, user_agent
    FROM pending, new_user, new_identity
)
SELECT id, email, name, picture
FROM new_user
