-- A new session; the browser's previous one ends with it, so that a planted session is worth nothing.
WITH previous AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'replaced'
    WHERE token_hash = ANY (%(previous_token_hashes)s)
      AND revoked_at IS NULL
    RETURNING user_id
)
INSERT INTO sessions (
    token_hash, user_id, identity_id, pending_identity, claimed_groups, provider, sid, state_hash, idle_expires_at,
    expires_at, ip, user_agent
)
VALUES (
    %(token_hash)s, %(user_id)s, %(identity_id)s, %(pending_identity)s, %(claimed_groups)s, %(provider)s, %(sid)s,
    %(state_hash)s, now() + %(idle_limit)s, now() + %(lifetime)s, %(ip)s, %(user_agent)s
)
RETURNING id, (SELECT user_id FROM previous LIMIT 1) AS previous_user_id
