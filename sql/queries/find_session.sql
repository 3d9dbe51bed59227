-- Live sessions with their users, in one round trip: those of the requests that ask at the same time. The first
-- visit in 5 minutes moves the idle limit of 7 days.
-- app/accounts/credentials.py has both times, too, and a test compares them.
WITH live AS (
    SELECT sessions.token_hash, sessions.id, sessions.expires_at, sessions.last_seen_at,
           sessions.pending_identity, users.id AS user_id, users.email, users.name, users.picture,
           -- By hand and as claimed. Null costs the reader less than an empty array.
           nullif(users.groups || identities.groups, '{}') AS groups
    FROM sessions
    LEFT JOIN users ON users.id = sessions.user_id
    LEFT JOIN identities ON identities.id = sessions.identity_id
    WHERE sessions.token_hash = ANY(%(token_hashes)s::bytea[])
      AND sessions.revoked_at IS NULL
      AND sessions.idle_expires_at > now()
      AND sessions.expires_at > now()
      AND users.disabled_at IS NULL
), due AS (
    SELECT sessions.id
    -- Most visits end here, without looking for the row a second time.
    FROM (SELECT id FROM live WHERE last_seen_at < now() - interval '5 minutes') AS old
    JOIN sessions ON sessions.id = old.id
    -- Skipping who is locked: two statements may have the same sessions, in different orders.
    FOR NO KEY UPDATE OF sessions SKIP LOCKED
), seen AS (
    UPDATE sessions
    SET last_seen_at = now(),
        idle_expires_at = least(now() + interval '7 days', sessions.expires_at)
    FROM due
    WHERE sessions.id = due.id
      -- The row's own, as another request may have moved it since.
      AND sessions.last_seen_at < now() - interval '5 minutes'
)
SELECT token_hash, id, expires_at, user_id, email, name, picture, groups, pending_identity
FROM live
