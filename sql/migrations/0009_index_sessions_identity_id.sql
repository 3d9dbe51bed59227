-- migrate: no-transaction
-- Removing an identity finds the sessions that began with it.
CREATE INDEX CONCURRENTLY sessions_identity_id_idx ON sessions (identity_id);
