-- migrate: no-transaction
-- A provider ends a session by the name that it gave it.
CREATE INDEX CONCURRENTLY sessions_sid_idx ON sessions (sid) WHERE sid IS NOT NULL;
