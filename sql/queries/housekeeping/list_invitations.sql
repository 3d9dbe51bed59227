-- Open invitations, the oldest first.
SELECT email, groups, created_at
FROM invitations
ORDER BY created_at, email
