-- A sign-in with an identity: notes its address of now, which is also the account's where that came from here before.
-- A disabled account stays as it is, and another account's address is not taken. An invitation of the address is used
-- up, and gives its groups.
WITH account AS (
    SELECT identities.id AS identity_id, identities.gives_email AND users.email <> %(email)s AS has_moved,
           users.id AS user_id, users.disabled_at IS NOT NULL AS is_disabled
    FROM identities
    JOIN users ON users.id = identities.user_id
    WHERE identities.issuer = %(issuer)s
      AND identities.subject = %(subject)s
), invitation AS (
    DELETE FROM invitations
    USING account
    WHERE invitations.email = %(email)s
      AND NOT account.is_disabled
    RETURNING invitations.groups
), used AS (
    UPDATE identities
    SET email = %(email)s, groups = %(groups)s, last_used_at = now(),
        is_invited = identities.is_invited OR EXISTS (SELECT FROM invitation)
    FROM account
    WHERE identities.id = account.identity_id
      AND NOT account.is_disabled
), move AS (
    SELECT user_id
    FROM account
    WHERE has_moved
      AND NOT is_disabled
      AND NOT EXISTS (SELECT FROM users AS others WHERE others.email = %(email)s)
), changed AS (
    UPDATE users
    SET email = CASE WHEN EXISTS (SELECT FROM move) THEN %(email)s ELSE users.email END,
        groups = ARRAY(
            SELECT DISTINCT name COLLATE "C"
            FROM unnest(users.groups || (SELECT groups FROM invitation)) AS name
            ORDER BY 1
        ),
        updated_at = now()
    FROM account
    WHERE users.id = account.user_id
      AND (EXISTS (SELECT FROM move) OR EXISTS (SELECT FROM invitation))
)
SELECT user_id, identity_id, is_disabled,
       EXISTS (SELECT FROM move) AS has_new_email,
       has_moved AND NOT is_disabled AND NOT EXISTS (SELECT FROM move) AS has_email_conflict
FROM account
