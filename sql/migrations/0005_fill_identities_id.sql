-- Locks the rows, which no release before this one changes. A default in 0004 would have locked the table itself,
-- and with it every sign-in: 20 s for a million people.
UPDATE identities SET id = gen_random_uuid() WHERE id IS NULL;
