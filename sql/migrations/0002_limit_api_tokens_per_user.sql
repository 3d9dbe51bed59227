-- An API token takes one of its user's slots, so that however many are made at once, no user has more than 20.
-- No version before this one writes api_tokens: the table is empty, and nobody waits for its locks.

-- squawk-ignore adding-required-field, prefer-bigint-over-smallint, constraint-missing-not-valid
ALTER TABLE api_tokens ADD COLUMN slot smallint NOT NULL CHECK (slot BETWEEN 1 AND 20);

-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_user_id_slot_key UNIQUE (user_id, slot);

-- The constraint's own index finds a user's tokens.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX api_tokens_user_id_idx;

COMMENT ON COLUMN api_tokens.token_hash IS 'SHA-256 of the token, which has 256 random bits.';
