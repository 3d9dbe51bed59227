-- Everybody's live sessions, the latest seen first. No index has that order, so it
-- reads all that have not expired: a visitor's request should not pay for an operator's list.
SELECT id, user_id, created_at, last_seen_at, expires_at, host(ip) AS ip, user_agent
FROM sessions
WHERE revoked_at IS NULL
  AND idle_expires_at > now()
  AND expires_at > now()
ORDER BY last_seen_at DESC, id
LIMIT %(limit)s
