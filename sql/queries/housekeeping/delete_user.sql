-- Deletes a user; identities, sessions and API tokens go with the row.
DELETE FROM users
WHERE id = %(user_id)s
RETURNING id
