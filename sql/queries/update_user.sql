-- Writes what a user changed of their profile.
UPDATE users
SET name = CASE WHEN %(sets_name)s THEN %(name)s ELSE name END,
    picture = CASE WHEN %(sets_picture)s THEN %(picture)s ELSE picture END,
    updated_at = now()
WHERE id = %(user_id)s
RETURNING id, email, name, picture
