-- Links one more identity to the person of a live session, which gets a new token. A person's own identity again
-- changes nothing else; another person's stays theirs, and then no identity_id is returned. An invitation of the
-- address is used up, and gives its groups.
WITH current_session AS (
    SELECT sessions.id, sessions.user_id, sessions.identity_id, sessions.provider, sessions.sid,
           sessions.created_at, sessions.expires_at, sessions.ip, sessions.user_agent
    FROM sessions
    JOIN users ON users.id = sessions.user_id
    WHERE sessions.id = %(session_id)s
      AND sessions.token_hash = ANY (%(token_hashes)s)
      AND sessions.revoked_at IS NULL
      AND sessions.idle_expires_at > now()
      AND sessions.expires_at > now()
      AND users.disabled_at IS NULL
    FOR UPDATE OF sessions
), linked AS (
    INSERT INTO identities (issuer, subject, user_id, email, gives_email, groups, is_invited, last_used_at)
    SELECT %(issuer)s, %(subject)s, user_id, %(email)s, false, %(groups)s,
           EXISTS (SELECT FROM invitations WHERE invitations.email = %(email)s), now()
    FROM current_session
    ON CONFLICT (issuer, subject) DO UPDATE
    SET email = excluded.email, groups = excluded.groups, last_used_at = now(),
        is_invited = identities.is_invited OR excluded.is_invited
    WHERE identities.user_id = excluded.user_id
    RETURNING id, user_id
), invitation AS (
    DELETE FROM invitations
    USING linked
    WHERE invitations.email = %(email)s
    RETURNING invitations.groups
), grouped AS (
    UPDATE users
    SET groups = ARRAY(
            SELECT DISTINCT name COLLATE "C" FROM unnest(users.groups || invitation.groups) AS name ORDER BY 1
        ),
        updated_at = now()
    FROM linked, invitation
    WHERE users.id = linked.user_id
), replaced AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'replaced'
    FROM current_session, linked
    WHERE sessions.id = current_session.id
), renewed AS (
    -- It began when the person signed in, and ends when it would have.
    INSERT INTO sessions (
        token_hash, user_id, identity_id, provider, sid, state_hash, created_at, idle_expires_at, expires_at, ip,
        user_agent
    )
    SELECT %(token_hash)s, current_session.user_id, identity_id, provider, sid, %(state_hash)s, created_at,
           least(now() + %(idle_limit)s, expires_at), expires_at, ip, user_agent
    FROM current_session, linked
)
SELECT current_session.user_id, linked.id AS identity_id,
       current_session.expires_at - now() AS remaining
FROM current_session
LEFT JOIN linked ON true
