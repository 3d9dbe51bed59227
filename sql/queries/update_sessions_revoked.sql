-- Ends sessions at once, for every replica. Ending one again changes nothing.
UPDATE sessions
SET revoked_at = now(), revoke_reason = %(reason)s
WHERE token_hash = ANY (%(token_hashes)s)
  AND revoked_at IS NULL
RETURNING id, user_id, provider
