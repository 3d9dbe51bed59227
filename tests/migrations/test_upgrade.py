"""Every schema that was ever released is upgraded to today's; this test grows with sql/migrations."""

from io import StringIO
from typing import Any

import psycopg
import pytest

from app.commands.report import TextReport
from app.migrations.runner.runner import Runner
from app.migrations.script.files import load_migrations
from app.settings.places import MIGRATIONS_FOLDER
from dev.postgres import EmbeddedPostgres
from tests.migrations.conftest import BOTH
from tests.support.databases import fresh_database

MIGRATIONS = load_migrations(MIGRATIONS_FOLDER)
# pg_get_* rather than pg_dump: neither order nor version of a dump is the question here.
SCHEMA = """
    SELECT 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull::text,
           coalesce(pg_get_expr(adbin, adrelid), '')
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated::text, ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef, indisvalid::text, ''
    FROM pg_indexes JOIN pg_index ON indexrelid = format('public.%I', indexname)::regclass
    WHERE schemaname = 'public'
    ORDER BY 1, 2, 3
"""


def up(connection: psycopg.Connection[Any], *, newest: int) -> None:
    Runner(
        connection=connection,
        migrations=[migration for migration in MIGRATIONS if migration.version <= newest],
        report=TextReport(StringIO()),
        wait=10,
        applied_by="a test",
    ).up()


@pytest.mark.parametrize("server", BOTH, indirect=True)
@pytest.mark.parametrize("earlier", [migration.version for migration in MIGRATIONS])
def test_each_earlier_schema_becomes_todays(server: EmbeddedPostgres, url: str, earlier: int) -> None:
    newest = MIGRATIONS[-1].version
    with (
        fresh_database(server) as fresh_url,
        psycopg.connect(url, autocommit=True) as old,
        psycopg.connect(fresh_url, autocommit=True) as new,
    ):
        up(old, newest=earlier)
        up(old, newest=newest)
        up(new, newest=newest)
        assert old.execute(SCHEMA).fetchall() == new.execute(SCHEMA).fetchall() != []
