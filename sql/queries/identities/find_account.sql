-- The user that an identity belongs to.
SELECT user_id
FROM identities
WHERE issuer = %(issuer)s
  AND subject = %(subject)s
