-- Registration: a pending session becomes a user, an identity and a session with a new token, or nothing does. An
-- invitation of the address is used up, and gives its groups.
WITH pending AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'registered'
    WHERE id = %(pending_session_id)s
      AND pending_identity IS NOT NULL
      AND (
          NOT %(needs_invitation)s
          OR EXISTS (SELECT FROM invitations WHERE email = sessions.pending_identity ->> 'email')
      )
      AND revoked_at IS NULL
      AND expires_at > now()
    RETURNING pending_identity, claimed_groups, provider, sid, state_hash, ip, user_agent
), invitation AS (
    DELETE FROM invitations
    USING pending
    WHERE invitations.email = pending.pending_identity ->> 'email'
    RETURNING invitations.groups
), new_user AS (
    INSERT INTO users (email, name, picture, groups)
    SELECT pending_identity ->> 'email',
           coalesce(%(name)s, pending_identity ->> 'name'),
           coalesce(%(picture)s, pending_identity ->> 'picture'),
           coalesce((SELECT groups FROM invitation), '{}')
    FROM pending
    RETURNING id, email, name, picture, groups
), new_identity AS (
    INSERT INTO identities (issuer, subject, user_id, email, groups, is_invited, last_used_at)
    SELECT pending_identity ->> 'issuer', pending_identity ->> 'subject', new_user.id, new_user.email,
           coalesce(claimed_groups, '{}'), EXISTS (SELECT FROM invitation), now()
    FROM pending, new_user
    RETURNING id
), new_session AS (
    INSERT INTO sessions (
        token_hash, user_id, identity_id, provider, sid, state_hash, idle_expires_at, expires_at, ip, user_agent
    )
    SELECT %(token_hash)s, new_user.id, new_identity.id, provider, sid, state_hash,
           now() + %(idle_limit)s, now() + %(lifetime)s, ip, user_agent
    FROM pending, new_user, new_identity
)
SELECT new_user.id, new_user.email, new_user.name, new_user.picture, new_user.groups, pending.claimed_groups
FROM new_user, pending
