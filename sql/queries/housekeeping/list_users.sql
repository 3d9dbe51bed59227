-- Users in the order of their e-mails. A search looks into every e-mail and name, so it reads the whole table.
SELECT id, email, name, groups, created_at, disabled_at
FROM users
WHERE (%(search)s::text IS NULL OR strpos(lower(concat_ws(' ', email, name)), lower(%(search)s)) > 0)
  AND (disabled_at IS NOT NULL OR NOT %(only_disabled)s)
ORDER BY email
LIMIT %(limit)s
