-- The constraints hold for new rows at once; 0008 looks at the old ones.
ALTER TABLE identities ADD CONSTRAINT identities_id_key UNIQUE USING INDEX identities_id_key;
ALTER TABLE identities ADD CONSTRAINT identities_id_check CHECK (id IS NOT NULL) NOT VALID;
ALTER TABLE sessions
    ADD CONSTRAINT sessions_identity_id_fkey FOREIGN KEY (identity_id) REFERENCES identities (id)
    ON DELETE CASCADE NOT VALID;
