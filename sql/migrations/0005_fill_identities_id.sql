-- migrate: no-transaction
-- A default in 0004 would have written the whole table anew while nobody signs in: 20 s for a million people.
DO $$
DECLARE
    filled bigint;
BEGIN
    LOOP
        UPDATE identities SET id = gen_random_uuid()
        WHERE (issuer, subject) IN (
            SELECT issuer, subject FROM identities WHERE id IS NULL LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS filled = ROW_COUNT;
        COMMIT;
        EXIT WHEN filled = 0 AND NOT EXISTS (SELECT FROM identities WHERE id IS NULL);
    END LOOP;
END
$$;
