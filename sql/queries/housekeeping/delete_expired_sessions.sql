-- Deletes a batch of sessions that expired long enough ago; says where it came to, so that the next batch need not
-- step over the dead index entries of this one.
WITH batch AS (
    SELECT id
    FROM sessions
    WHERE expires_at >= %(after)s
      AND expires_at < now() - %(older_than)s::interval
    ORDER BY expires_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM sessions
    WHERE id = ANY (ARRAY(SELECT id FROM batch))
    RETURNING expires_at
)
SELECT count(*) AS changed, max(expires_at) AS after
FROM deleted
