-- One user's live sessions, the latest seen first.
SELECT id, user_id, created_at, last_seen_at, expires_at, host(ip) AS ip, user_agent
FROM sessions
WHERE user_id = %(user_id)s
  AND revoked_at IS NULL
  AND idle_expires_at > now()
  AND expires_at > now()
ORDER BY last_seen_at DESC, id
LIMIT %(limit)s
