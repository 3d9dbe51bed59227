-- Ends sessions by id; returns those that exist, and whether they were live until now.
WITH found AS (
    SELECT id, revoked_at IS NULL AND idle_expires_at > now() AND expires_at > now() AS was_live
    FROM sessions
    WHERE id = ANY (%(session_ids)s)
), revoked AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = %(reason)s
    WHERE id = ANY (%(session_ids)s)
      AND revoked_at IS NULL
)
SELECT id, was_live
FROM found
