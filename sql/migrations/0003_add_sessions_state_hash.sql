-- The state that a session's sign-in had, so that a callback that comes twice is known.
-- Nullable and without a default: one quick step, of which the release before notices nothing.

ALTER TABLE sessions ADD COLUMN state_hash bytea;

COMMENT ON COLUMN sessions.state_hash IS 'SHA-256 of the state, 256 random bits, of the sign-in it began with.';
