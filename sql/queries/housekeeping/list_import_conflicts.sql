-- What of people to be imported is here already. An e-mail that PostgreSQL would lower further cannot be stored.
SELECT 'subject' AS kind, subject AS value
FROM identities
WHERE issuer = %(issuer)s
  AND subject = ANY (%(subjects)s)
UNION ALL
SELECT 'id', id::text
FROM users
WHERE id = ANY (%(ids)s)
UNION ALL
SELECT 'email', email
FROM users
WHERE email = ANY (%(emails)s)
UNION ALL
SELECT 'unusable_email', email
FROM unnest(%(emails)s::text[]) AS wanted (email)
WHERE email <> lower(email)
