-- People, the identities they sign in with, their sessions and their API tokens.

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL,
    name text CHECK (char_length(name) BETWEEN 1 AND 200),
    picture text CHECK (char_length(picture) <= 2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_email_lower_check CHECK (email = lower(email))
);

COMMENT ON COLUMN users.email IS 'In lower case, as the provider verified it.';

CREATE TABLE identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject)
);

CREATE INDEX identities_user_id_idx ON identities (user_id);

CREATE TABLE sessions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash bytea NOT NULL,
    user_id uuid REFERENCES users ON DELETE CASCADE,
    pending_identity jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    idle_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoke_reason text,
    ip inet,
    user_agent text CHECK (char_length(user_agent) <= 512),
    CONSTRAINT sessions_token_hash_key UNIQUE (token_hash),
    CONSTRAINT sessions_owner_check CHECK (num_nonnulls(user_id, pending_identity) = 1)
);

COMMENT ON COLUMN sessions.token_hash IS 'HMAC-SHA256(SESSION_SECRET, token); the token itself is nowhere.';
COMMENT ON COLUMN sessions.pending_identity IS 'What the provider said of somebody not registered yet.';

-- Of all sessions, not just the live ones: deleting a user looks for every one of them.
CREATE INDEX sessions_user_id_last_seen_at_idx ON sessions (user_id, last_seen_at DESC);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    token_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash)
);

CREATE INDEX api_tokens_user_id_idx ON api_tokens (user_id);
