-- A pending session that has lately become an account, which still stands. It is good for nothing else any more.
SELECT sessions.id
FROM sessions
JOIN identities ON identities.issuer = sessions.pending_identity ->> 'issuer'
               AND identities.subject = sessions.pending_identity ->> 'subject'
WHERE sessions.token_hash = ANY (%(token_hashes)s)
  AND sessions.revoke_reason = 'registered'
  AND sessions.revoked_at > now() - %(period)s::interval
