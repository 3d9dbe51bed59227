-- One user's identities, the oldest first.
SELECT identities.id, identities.issuer, identities.subject,
       coalesce(identities.email, CASE WHEN identities.gives_email THEN users.email END) AS email,
       identities.groups, identities.created_at, identities.last_used_at
FROM identities
JOIN users ON users.id = identities.user_id
WHERE identities.user_id = %(user_id)s
ORDER BY identities.created_at, identities.id
