-- Touches no row, with every right that the service's statements need: it fails where one of them would.
WITH inserted_user AS (
    INSERT INTO users (email, name, picture, groups)
    SELECT '', NULL, NULL, '{}' WHERE false
), updated_user AS (
    UPDATE users SET email = '', name = NULL, picture = NULL, groups = '{}', updated_at = now() WHERE false
), deleted_user AS (
    DELETE FROM users WHERE false
), inserted_identity AS (
    INSERT INTO identities (issuer, subject, user_id, email, gives_email, groups, is_invited, last_used_at)
    SELECT '', '', NULL, NULL, false, '{}', false, NULL WHERE false
), updated_identity AS (
    UPDATE identities
    SET email = NULL, gives_email = true, groups = '{}', is_invited = false, last_used_at = now()
    WHERE false
), deleted_identity AS (
    DELETE FROM identities WHERE false
), inserted_session AS (
    INSERT INTO sessions (
        token_hash, user_id, identity_id, pending_identity, claimed_groups, provider, sid, state_hash, created_at,
        idle_expires_at, expires_at, ip, user_agent
    )
    SELECT '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, now(), now(), now(), NULL, NULL WHERE false
), updated_session AS (
    UPDATE sessions
    SET last_seen_at = now(), idle_expires_at = now(), revoked_at = now(), revoke_reason = NULL
    WHERE false
), inserted_logout_token AS (
    INSERT INTO logout_tokens (token_id, expires_at) SELECT '', now() WHERE false
), deleted_logout_token AS (
    DELETE FROM logout_tokens WHERE false
), deleted_invitation AS (
    DELETE FROM invitations WHERE false
), inserted_token AS (
    INSERT INTO api_tokens (user_id, slot, name, token_hash, expires_at)
    SELECT NULL, 1, '', '', now() WHERE false
), updated_token AS (
    UPDATE api_tokens SET last_used_at = now() WHERE false
), deleted_token AS (
    DELETE FROM api_tokens WHERE false
)
SELECT users.id, users.email, users.name, users.picture, users.groups, users.disabled_at,
       identities.issuer, identities.subject, identities.user_id, identities.id, identities.email,
       identities.gives_email, identities.groups, identities.is_invited, identities.created_at, identities.last_used_at,
       logout_tokens.token_id, logout_tokens.expires_at, invitations.email, invitations.groups,
       sessions.id, sessions.token_hash, sessions.user_id, sessions.pending_identity, sessions.created_at,
       sessions.identity_id, sessions.claimed_groups, sessions.provider, sessions.sid, sessions.state_hash,
       sessions.last_seen_at, sessions.idle_expires_at, sessions.expires_at, sessions.revoked_at,
       sessions.revoke_reason, sessions.ip, sessions.user_agent,
       api_tokens.id, api_tokens.user_id, api_tokens.slot, api_tokens.name, api_tokens.token_hash,
       api_tokens.created_at, api_tokens.expires_at, api_tokens.last_used_at
FROM users, identities, logout_tokens, invitations, sessions, api_tokens
WHERE false
