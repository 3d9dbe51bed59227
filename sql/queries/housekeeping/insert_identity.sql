-- Links an identity to a user. One that is linked already stays whose it is; the row says whose.
WITH linked AS (
    INSERT INTO identities (issuer, subject, user_id, gives_email)
    VALUES (%(issuer)s, %(subject)s, %(user_id)s, false)
    ON CONFLICT (issuer, subject) DO NOTHING
    RETURNING id, user_id
)
SELECT id, user_id, true AS is_new
FROM linked
UNION ALL
SELECT id, user_id, false
FROM identities
WHERE issuer = %(issuer)s
  AND subject = %(subject)s
