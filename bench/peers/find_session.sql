-- sql/queries/find_session.sql for a single session: the peers share no statements.
WITH live AS (
    SELECT sessions.id, sessions.expires_at, sessions.last_seen_at, sessions.pending_identity,
           users.id AS user_id, users.email, users.name, users.picture,
           -- By hand and as claimed. Null costs the reader less than an empty array.
           nullif(users.groups || identities.groups, '{}') AS groups
    FROM sessions
    LEFT JOIN users ON users.id = sessions.user_id
    LEFT JOIN identities ON identities.id = sessions.identity_id
    WHERE sessions.token_hash = %(token_hash)s
      AND sessions.revoked_at IS NULL
      AND sessions.idle_expires_at > now()
      AND sessions.expires_at > now()
      AND users.disabled_at IS NULL
), seen AS (
    UPDATE sessions
    SET last_seen_at = now(),
        idle_expires_at = least(now() + interval '7 days', sessions.expires_at)
    FROM live
    WHERE sessions.id = live.id
      -- Most visits end here, without looking for the row a second time.
      AND live.last_seen_at < now() - interval '5 minutes'
      -- The row's own, as another request may have moved it since.
      AND sessions.last_seen_at < now() - interval '5 minutes'
)
SELECT id, expires_at, user_id, email, name, picture, groups, pending_identity
FROM live
