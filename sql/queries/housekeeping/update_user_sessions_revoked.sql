-- Ends a user's live sessions.
UPDATE sessions
SET revoked_at = now(), revoke_reason = %(reason)s
WHERE user_id = %(user_id)s
  AND revoked_at IS NULL
  AND idle_expires_at > now()
  AND expires_at > now()
RETURNING id
