-- The people of one group, and who put them into it.
SELECT users.email, users.groups @> ARRAY[%(group)s::text] AS by_hand, claimed.issuer AS by_provider
FROM users
LEFT JOIN LATERAL (
    SELECT min(issuer) AS issuer
    FROM identities
    WHERE identities.user_id = users.id
      AND identities.groups @> ARRAY[%(group)s::text]
) AS claimed ON true
WHERE users.groups @> ARRAY[%(group)s::text]
   OR claimed.issuer IS NOT NULL
ORDER BY users.email
