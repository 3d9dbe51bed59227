-- A live session, if it began with this sign-in.
SELECT sessions.user_id IS NULL AS is_pending
FROM sessions
LEFT JOIN users ON users.id = sessions.user_id
WHERE sessions.token_hash = ANY (%(token_hashes)s)
  AND sessions.state_hash = %(state_hash)s
  AND sessions.revoked_at IS NULL
  AND sessions.idle_expires_at > now()
  AND sessions.expires_at > now()
  AND users.disabled_at IS NULL
