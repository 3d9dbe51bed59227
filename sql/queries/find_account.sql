-- The account an identity belongs to.
SELECT users.id, users.disabled_at IS NOT NULL AS is_disabled
FROM identities
JOIN users ON users.id = identities.user_id
WHERE identities.issuer = %(issuer)s
  AND identities.subject = %(subject)s
