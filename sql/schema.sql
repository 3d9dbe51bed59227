-- What the migrations add up to, written by `bin/migrate dump`. Nothing applies it.

CREATE TABLE public.api_tokens (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    slot smallint NOT NULL,
    CONSTRAINT api_tokens_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT api_tokens_slot_check CHECK (((slot >= 1) AND (slot <= 20)))
);

COMMENT ON COLUMN public.api_tokens.token_hash IS 'SHA-256 of the token, which has 256 random bits.';

CREATE TABLE public.identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    id uuid DEFAULT gen_random_uuid(),
    email text,
    gives_email boolean DEFAULT true NOT NULL,
    last_used_at timestamp with time zone,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    is_invited boolean DEFAULT false NOT NULL,
    CONSTRAINT identities_id_check CHECK ((id IS NOT NULL))
);

COMMENT ON COLUMN public.identities.email IS 'As the provider said at the last use, in lower case.';

COMMENT ON COLUMN public.identities.gives_email IS 'Whether the account''s e-mail address came from this identity.';

COMMENT ON COLUMN public.identities.groups IS 'What its provider claimed at the latest sign-in with it.';

COMMENT ON COLUMN public.identities.is_invited IS 'Admitted whatever ALLOWED_EMAILS and ALLOWED_EMAIL_DOMAINS say.';

CREATE TABLE public.invitations (
    email text NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT invitations_email_lower_check CHECK ((email = lower(email)))
);

CREATE TABLE public.logout_tokens (
    token_id bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

COMMENT ON TABLE public.logout_tokens IS 'Logout tokens that have done their work, so that none is used twice.';

COMMENT ON COLUMN public.logout_tokens.token_id IS 'SHA-256 of issuer and jti.';

CREATE TABLE public.sessions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    token_hash bytea NOT NULL,
    user_id uuid,
    pending_identity jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    idle_expires_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    revoke_reason text,
    ip inet,
    user_agent text,
    state_hash bytea,
    identity_id uuid,
    provider text,
    sid text,
    claimed_groups text[],
    CONSTRAINT sessions_owner_check CHECK ((num_nonnulls(user_id, pending_identity) = 1)),
    CONSTRAINT sessions_user_agent_check CHECK ((char_length(user_agent) <= 512))
);

COMMENT ON COLUMN public.sessions.token_hash IS 'HMAC-SHA256(SESSION_SECRET, token); the token itself is nowhere.';

COMMENT ON COLUMN public.sessions.pending_identity IS 'What the provider said of somebody not registered yet.';

COMMENT ON COLUMN public.sessions.state_hash IS 'SHA-256 of provider and state, 256 random bits, of the sign-in it began with.';

COMMENT ON COLUMN public.sessions.identity_id IS 'What it began with; null where that is pending, or an older release began it.';

COMMENT ON COLUMN public.sessions.provider IS 'The name in PROVIDERS of the provider that it began with.';

COMMENT ON COLUMN public.sessions.sid IS 'The session at that provider, which can end it.';

COMMENT ON COLUMN public.sessions.claimed_groups IS 'The same of somebody who has yet to register.';

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text NOT NULL,
    name text,
    picture text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT users_email_lower_check CHECK ((email = lower(email))),
    CONSTRAINT users_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT users_picture_check CHECK ((char_length(picture) <= 2000))
);

COMMENT ON COLUMN public.users.email IS 'In lower case, as the provider verified it.';

COMMENT ON COLUMN public.users.groups IS 'Given by hand: bin/users group.';

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_id_slot_key UNIQUE (user_id, slot);

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_id_key UNIQUE (id);

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_pkey PRIMARY KEY (email);

ALTER TABLE ONLY public.logout_tokens
    ADD CONSTRAINT logout_tokens_pkey PRIMARY KEY (token_id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX identities_user_id_idx ON public.identities USING btree (user_id);

CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_identity_id_idx ON public.sessions USING btree (identity_id);

CREATE INDEX sessions_sid_idx ON public.sessions USING btree (sid) WHERE (sid IS NOT NULL);

CREATE INDEX sessions_user_id_last_seen_at_idx ON public.sessions USING btree (user_id, last_seen_at DESC);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.identities
    ADD CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_identity_id_fkey FOREIGN KEY (identity_id) REFERENCES public.identities(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
