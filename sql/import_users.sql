-- Makes accounts of another backend's people. It needs psql and a server of version 15 or newer.
--
--     psql "$DATABASE_URL" -X -f sql/import_users.sql < users.csv               tries it, and takes it back
--     psql "$DATABASE_URL" -X -f sql/import_users.sql -v apply=1 < users.csv    does it
--
-- With another provider than Google add -v issuer=URL. docs/moving-from-node.md has the columns and the reasons.
-- Any error ends the script, and nothing is written then.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\pset pager off
\encoding UTF8
\if :{?apply} \else \set apply off \endif
\if :{?issuer} \else \set issuer https://accounts.google.com \endif
SELECT :'issuer' !~ '^https?://[a-z0-9._-]+(:[0-9]+)?(/[^[:space:]?#]*)?$' AS issuer_is_wrong \gset
\if :issuer_is_wrong
    DO $$ BEGIN RAISE 'The issuer must be a URL without ?, # and spaces, its host in lower case.'; END $$;
\endif

-- The rules for texts are those of sign-in, in app/accounts/profile.py.
\set controls '[\\u0001-\\u001f\\u007f-\\u009f\\u2028\\u2029]'
-- Controls, white space other than the space, and what is invisible or turns the direction of writing.
\set unprintable '[\\u0001-\\u001f\\u007f-\\u00a0\\u00ad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f'
\set unprintable :unprintable '\\u205f-\\u206f\\u3000\\ufeff\\ufff9-\\ufffb\\U000e0001-\\U000e007f]'
\set space '[\\u0009-\\u000d\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+'
\set edges ^ :space | :space $

BEGIN;
-- Times without a zone are UTC.
SET LOCAL timezone = 'UTC';
CREATE TEMPORARY TABLE import_rows (
    number integer GENERATED ALWAYS AS IDENTITY,
    user_id uuid, email text, name text, display_picture text, google_subject text, created_at timestamptz
) ON COMMIT DROP;
\copy import_rows (user_id, email, name, display_picture, google_subject, created_at) FROM pstdin (FORMAT csv, HEADER match)

CREATE TEMPORARY TABLE import_people ON COMMIT DROP AS
WITH trimmed AS (
    SELECT number, user_id, display_picture, created_at, email AS claimed_email,
           coalesce(lower(regexp_replace(email, :'edges', '', 'g')), '') AS email,
           coalesce(regexp_replace(google_subject, :'edges', '', 'g'), '') AS subject,
           coalesce(regexp_replace(name, :'edges', '', 'g'), '') AS claimed_name,
           regexp_replace(regexp_replace(name, :'controls', '', 'g'), :'edges', '', 'g') AS name
    FROM import_rows
), cleaned AS (
    SELECT number, user_id, coalesce(user_id, gen_random_uuid()) AS id, email, subject,
           claimed_name, coalesce(regexp_replace(left(name, 200), :'edges', '', 'g'), '') AS name,
           display_picture, CASE
               WHEN length(display_picture) <= 2000 AND display_picture !~ '["<>\\]'
                AND display_picture ~ '^https://[A-Za-z0-9._~-]+(:[0-9]+)?([/?#][!-~]*)?$' THEN display_picture
           END AS picture,
           CASE WHEN created_at BETWEEN '1970-01-01' AND now() THEN created_at END AS created_at,
           CASE
               WHEN subject = '' THEN 'no_subject'
               -- A spreadsheet writes 108012345678901234567 as 1.08E+20.
               WHEN length(subject) > 255 OR subject ~ :'unprintable'
                 OR subject ~* '^[0-9]([.,][0-9]+)?e[+]?[0-9]+$' THEN 'unusable_subject'
               -- In lower case U+0130 and U+212A become the ASCII letters i and k: another person's address.
               WHEN length(email) > 320 OR email ~ :'unprintable' OR email !~ '^[^@ ]+@[^@ ]+$'
                 OR claimed_email ~ '[\u0130\u212a]' THEN 'unusable_email'
           END AS fault
    FROM trimmed
)
SELECT *, CASE
           WHEN fault IS NOT NULL THEN fault
           -- Rows with a fault stand apart: they are no duplicates, and make none.
           WHEN row_number() OVER (PARTITION BY fault, id ORDER BY number) > 1 THEN 'duplicate_id'
           WHEN row_number() OVER (PARTITION BY fault, email ORDER BY number) > 1 THEN 'duplicate_email'
           WHEN row_number() OVER (PARTITION BY fault, subject ORDER BY number) > 1 THEN 'duplicate_subject'
           WHEN subject IN (SELECT subject FROM identities WHERE issuer = :'issuer') THEN 'already_there'
           WHEN id IN (SELECT id FROM users) THEN 'id_taken'
           WHEN email IN (SELECT email FROM users) THEN 'email_taken'
           ELSE 'new'
       END AS outcome
FROM cleaned;

\echo Skipped rows:
SELECT number AS row, user_id, regexp_replace(left(email, 100), :'unprintable', '?', 'g') AS email, outcome AS reason
FROM import_people
WHERE outcome NOT IN ('new', 'already_there')
ORDER BY number;

WITH new_users AS (
    INSERT INTO users (id, email, name, picture, created_at)
    SELECT id, email, nullif(name, ''), picture, coalesce(created_at, now())
    FROM import_people
    WHERE outcome = 'new'
)
INSERT INTO identities (issuer, subject, user_id)
SELECT :'issuer', subject, id
FROM import_people
WHERE outcome = 'new';

SELECT outcome AS what, count(*) AS rows
FROM import_people
GROUP BY outcome
UNION ALL
SELECT change, count(*)
FROM import_people, LATERAL (VALUES
    ('id_made', user_id IS NULL), ('name_changed', name <> claimed_name),
    ('picture_left_out', picture IS NULL AND display_picture <> ''), ('created_at_unknown', created_at IS NULL)
) AS changes (change, is_so)
WHERE outcome = 'new' AND is_so
GROUP BY change
ORDER BY what;

\if :apply
    COMMIT;
    \echo 'Done: the new people have their accounts.'
\else
    ROLLBACK;
    \echo 'Nothing is written: this was a dry run. -v apply=1 writes.'
\endif
