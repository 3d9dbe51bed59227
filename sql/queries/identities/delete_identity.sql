-- Removes one of a user's identities, unless it is the last one. The sessions that began with it go with it, by
-- their foreign key. Whoever removes two at once waits for the lock, and then counts again.
WITH held AS (
    SELECT id
    FROM identities
    WHERE user_id = %(user_id)s
    ORDER BY id
    FOR UPDATE
), deleted AS (
    DELETE FROM identities
    USING held
    WHERE identities.id = held.id
      AND held.id = %(identity_id)s
      AND (SELECT count(*) FROM held) > 1
    RETURNING identities.id, identities.gives_email
), heir AS (
    -- The account's address follows one of the others from now on: the oldest that has it, or else the oldest.
    SELECT identities.id
    FROM identities
    JOIN users ON users.id = identities.user_id
    WHERE identities.user_id = %(user_id)s
      AND identities.id <> %(identity_id)s
    ORDER BY identities.email IS DISTINCT FROM users.email, identities.created_at, identities.id
    LIMIT 1
), inherited AS (
    UPDATE identities
    SET gives_email = true
    FROM deleted, heir
    WHERE deleted.gives_email
      AND identities.id = heir.id
), revoked AS (
    -- Before 0004 people had one identity, which gave the address; sessions did not name it.
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'identity_removed'
    FROM deleted
    WHERE deleted.gives_email
      AND sessions.user_id = %(user_id)s
      AND sessions.identity_id IS NULL
      AND sessions.revoked_at IS NULL
    RETURNING sessions.id
)
SELECT EXISTS (SELECT FROM held WHERE id = %(identity_id)s) AS is_theirs,
       EXISTS (SELECT FROM deleted) AS is_deleted,
       EXISTS (
           SELECT FROM sessions, deleted
           WHERE sessions.id = %(session_id)s
             AND (sessions.identity_id = deleted.id OR sessions.identity_id IS NULL AND deleted.gives_email)
       ) AS ends_session
