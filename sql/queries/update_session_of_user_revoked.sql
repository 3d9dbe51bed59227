-- Ends one of a user's sessions, if it has not ended already; a row says that there is such a session.
UPDATE sessions
SET revoked_at = coalesce(revoked_at, now()),
    revoke_reason = coalesce(revoke_reason, %(reason)s)
WHERE id = %(session_id)s
  AND user_id = %(user_id)s
RETURNING id
