-- Invites an address, or changes the groups of its invitation; says whether there is an account with it.
WITH invited AS (
    INSERT INTO invitations (email, groups)
    VALUES (%(email)s, %(groups)s)
    ON CONFLICT (email) DO UPDATE SET groups = excluded.groups
    RETURNING email
)
SELECT EXISTS (SELECT FROM users WHERE users.email = invited.email) AS has_account
FROM invited
