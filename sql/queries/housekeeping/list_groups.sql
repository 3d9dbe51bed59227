-- All groups and how many people are in each; an operator's question, so it may read both tables.
SELECT name AS group, count(DISTINCT user_id) AS people
FROM (
    SELECT unnest(groups) AS name, id AS user_id FROM users
    UNION ALL
    SELECT unnest(groups), user_id FROM identities
) AS memberships
GROUP BY name
ORDER BY name COLLATE "C"
