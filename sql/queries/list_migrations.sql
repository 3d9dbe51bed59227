-- The migrations this database has.
SELECT version
FROM schema_migrations
WHERE status = 'applied'
