-- Deletes those among the next sessions by expiry that were revoked or fell idle long enough ago, although they
-- had longer to live; says where it came to. Rows are locked only once they are found, so never for long.
WITH page AS (
    SELECT id, expires_at, least(revoked_at, idle_expires_at) AS ended_at
    FROM sessions
    WHERE (expires_at, id) > (%(after)s, %(after_id)s)
      AND expires_at >= now() - %(older_than)s::interval
      AND expires_at < now() - %(older_than)s::interval + %(lifetime)s
    ORDER BY expires_at, id
    LIMIT %(limit)s
), batch AS (
    SELECT id
    FROM sessions
    WHERE id = ANY (ARRAY(SELECT id FROM page WHERE ended_at < now() - %(older_than)s::interval))
    FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM sessions
    WHERE id = ANY (ARRAY(SELECT id FROM batch))
    RETURNING id
)
SELECT (SELECT count(*) FROM deleted) AS changed, expires_at AS after, id AS after_id
FROM page
ORDER BY expires_at DESC, id DESC
LIMIT 1
