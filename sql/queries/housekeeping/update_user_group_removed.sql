-- Takes a user out of a group; no row where they were not in it.
UPDATE users
SET groups = array_remove(groups, %(group)s::text),
    updated_at = now()
WHERE id = %(user_id)s
  AND groups @> ARRAY[%(group)s::text]
RETURNING id
