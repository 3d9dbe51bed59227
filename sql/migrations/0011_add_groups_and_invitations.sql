-- Who may enter what: groups given by hand and by a provider's claims, and invitations.
-- Constant defaults: one quick step each, of which the release before notices nothing.

ALTER TABLE users ADD COLUMN groups text[] NOT NULL DEFAULT '{}';

ALTER TABLE identities
    ADD COLUMN groups text[] NOT NULL DEFAULT '{}',
    ADD COLUMN is_invited boolean NOT NULL DEFAULT false;

ALTER TABLE sessions ADD COLUMN claimed_groups text[];

CREATE TABLE invitations (
    email text NOT NULL,
    groups text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT invitations_pkey PRIMARY KEY (email),
    CONSTRAINT invitations_email_lower_check CHECK (email = lower(email))
);

COMMENT ON COLUMN users.groups IS 'Given by hand: bin/users group.';
COMMENT ON COLUMN identities.groups IS 'What its provider claimed at the latest sign-in with it.';
COMMENT ON COLUMN sessions.claimed_groups IS 'The same of somebody who has yet to register.';
COMMENT ON COLUMN identities.is_invited IS 'Admitted whatever ALLOWED_EMAILS and ALLOWED_EMAIL_DOMAINS say.';
