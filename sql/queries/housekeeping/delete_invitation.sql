-- Ends an open invitation, and the sessions of whoever has signed in by it, but not registered yet.
WITH ended AS (
    UPDATE sessions
    SET revoked_at = now(), revoke_reason = 'uninvited'
    WHERE pending_identity ->> 'email' = %(email)s
      AND revoked_at IS NULL
      AND expires_at > now()
      AND expires_at <= now() + interval '1 hour'
)
DELETE FROM invitations
WHERE email = %(email)s
RETURNING email
