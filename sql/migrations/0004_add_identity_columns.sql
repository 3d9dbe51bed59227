-- People may have several identities, and a session knows the one it began with. Each step here is quick.

ALTER TABLE identities
    ADD COLUMN id uuid,
    ADD COLUMN email text,
    ADD COLUMN gives_email boolean NOT NULL DEFAULT true,
    ADD COLUMN last_used_at timestamptz;

-- For new rows, those of the release before too. The old ones are filled next.
ALTER TABLE identities ALTER COLUMN id SET DEFAULT gen_random_uuid();

COMMENT ON COLUMN identities.email IS 'As the provider said at the last use, in lower case.';
COMMENT ON COLUMN identities.gives_email IS 'Whether the account''s e-mail address came from this identity.';

ALTER TABLE sessions
    ADD COLUMN identity_id uuid,
    ADD COLUMN provider text,
    ADD COLUMN sid text;

COMMENT ON COLUMN sessions.identity_id IS 'What it began with; null where that is pending, or an older release began it.';
COMMENT ON COLUMN sessions.provider IS 'The name in PROVIDERS of the provider that it began with.';
COMMENT ON COLUMN sessions.sid IS 'The session at that provider, which can end it.';
COMMENT ON COLUMN sessions.state_hash IS 'SHA-256 of provider and state, 256 random bits, of the sign-in it began with.';

CREATE TABLE logout_tokens (
    token_id bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE logout_tokens IS 'Logout tokens that have done their work, so that none is used twice.';
COMMENT ON COLUMN logout_tokens.token_id IS 'SHA-256 of issuer and jti.';
