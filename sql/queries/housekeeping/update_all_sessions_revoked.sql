-- Ends the live ones among the next sessions by expiry; says where it came to. Those that began later stay.
WITH page AS (
    SELECT id, expires_at
    FROM sessions
    WHERE (expires_at, id) > (%(after)s, %(after_id)s)
      AND expires_at > now()
    ORDER BY expires_at, id
    LIMIT %(limit)s
), revoked AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = %(reason)s
    WHERE id = ANY (ARRAY(SELECT id FROM page))
      AND revoked_at IS NULL
      AND idle_expires_at > now()
      AND created_at <= coalesce(%(began)s, now())
    RETURNING id
)
SELECT (SELECT count(*) FROM revoked) AS changed, expires_at AS after, id AS after_id,
       coalesce(%(began)s, now()) AS began
FROM page
ORDER BY expires_at DESC, id DESC
LIMIT 1
