-- migrate: no-transaction
CREATE UNIQUE INDEX CONCURRENTLY identities_id_key ON identities (id);
