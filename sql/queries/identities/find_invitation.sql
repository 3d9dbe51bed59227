-- Whether somebody is invited: the identity was once, or its address is now.
SELECT EXISTS (
           SELECT FROM identities WHERE issuer = %(issuer)s AND subject = %(subject)s AND is_invited
       ) AS was_used,
       EXISTS (SELECT FROM invitations WHERE email = %(email)s) AS is_open
