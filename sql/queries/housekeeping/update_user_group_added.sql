-- Puts a user into a group; sorted as Python sorts. No row where the user has as many groups as there may be.
UPDATE users
SET groups = ARRAY(
        SELECT DISTINCT name COLLATE "C" FROM unnest(groups || %(group)s::text) AS name ORDER BY 1
    ),
    updated_at = now()
WHERE id = %(user_id)s
  AND (cardinality(groups) < %(limit)s OR groups @> ARRAY[%(group)s::text])
RETURNING id
