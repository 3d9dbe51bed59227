-- A user by id or by e-mail.
SELECT id, email, name, groups, created_at, disabled_at
FROM users
WHERE id = %(user_id)s
   OR email = %(email)s
