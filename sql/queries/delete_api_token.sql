-- Revokes one of a user's API tokens; a row says that there was one.
DELETE FROM api_tokens
WHERE id = %(token_id)s
  AND user_id = %(user_id)s
RETURNING id
