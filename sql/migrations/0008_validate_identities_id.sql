-- Reads both tables, and keeps nobody from using them.
ALTER TABLE identities VALIDATE CONSTRAINT identities_id_check;
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_identity_id_fkey;
