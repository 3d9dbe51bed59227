-- A sign-in with an identity: notes its address of now, which is also the account's where that came from here before.
-- A disabled account stays as it is, and another account's address is not taken.
WITH account AS (
    SELECT identities.id AS identity_id, identities.gives_email AND users.email <> %(email)s AS has_moved,
           users.id AS user_id, users.disabled_at IS NOT NULL AS is_disabled
    FROM identities
    JOIN users ON users.id = identities.user_id
    WHERE identities.issuer = %(issuer)s
      AND identities.subject = %(subject)s
), used AS (
    UPDATE identities
    SET email = %(email)s, last_used_at = now()
    FROM account
    WHERE identities.id = account.identity_id
      AND NOT account.is_disabled
), changed AS (
    UPDATE users
    SET email = %(email)s, updated_at = now()
    FROM account
    WHERE users.id = account.user_id
      AND account.has_moved
      AND NOT account.is_disabled
      AND NOT EXISTS (SELECT FROM users AS others WHERE others.email = %(email)s)
    RETURNING users.id
)
SELECT user_id, identity_id, is_disabled,
       EXISTS (SELECT FROM changed) AS has_new_email,
       has_moved AND NOT is_disabled AND NOT EXISTS (SELECT FROM changed) AS has_email_conflict
FROM account
