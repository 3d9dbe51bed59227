-- Accounts that another backend had, each with its identity; all of them or, where one is taken, none.
WITH source AS (
    SELECT id, email, name, picture, subject, created_at
    FROM unnest(
        %(ids)s::uuid[], %(emails)s::text[], %(names)s::text[], %(pictures)s::text[], %(subjects)s::text[],
        %(created_ats)s::timestamptz[]
    ) AS source (id, email, name, picture, subject, created_at)
), new_users AS (
    INSERT INTO users (id, email, name, picture, created_at)
    SELECT id, email, name, picture, coalesce(created_at, now())
    FROM source
    RETURNING id
), new_identities AS (
    INSERT INTO identities (issuer, subject, user_id)
    SELECT %(issuer)s, subject, id
    FROM source
)
SELECT id
FROM new_users
