-- A session, if its person has signed in lately.
SELECT id
FROM sessions
WHERE id = %(session_id)s
  AND created_at > now() - %(period)s::interval
