-- An account and all its rows: identities, sessions and API tokens go with it.
DELETE FROM users
WHERE id = %(user_id)s
RETURNING id
