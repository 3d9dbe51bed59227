-- Reads the sessions, and keeps nobody from using them.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_identity_id_fkey;
