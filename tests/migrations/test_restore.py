"""A backup as Coolify makes it, restored as docs/migrations.md says: nobody is signed out."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from app.settings.config import LOCAL_DEFAULTS
from dev.postgres import EmbeddedPostgres
from tests.support.pages import Block, Page
from tests.support.provider import OpenIDProvider, client_at
from tests.support.service import ROOT, Service
from tests.support.visitor import Visitor

RESTORING = Page("migrations.md").blocks("sh", below="Restoring a backup")


@pytest.mark.parametrize("block", RESTORING, ids=str)
def test_a_restored_backup_serves_the_sessions_that_were_in_it(
    block: Block,
    postgres: EmbeddedPostgres,
    provider: OpenIDProvider,
    visitor: Visitor,
    database_url: str,
    empty_database_url: str,
    make_service: Callable[..., Service],
    tmp_path: Path,
) -> None:
    visitor.sign_in()
    user = visitor.post("/auth/register").json
    backup = tmp_path / "backup.dmp"
    command = ["pg_dump", "--format=custom", "--no-acl", "--no-owner", f"--dbname={database_url}"]
    with backup.open("wb") as output:
        subprocess.run([postgres.bin / command[0], *command[1:]], stdout=output, check=True)

    outcome = subprocess.run(
        ["bash", "-euc", block.text],
        env={
            "PATH": f"{postgres.bin}{os.pathsep}{os.environ['PATH']}",
            "DATABASE_URL": empty_database_url,
            "BACKUP": str(backup),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "✅ Database is up to date - no pending migrations" in outcome.stdout

    service = make_service(
        APP_ENV="test",
        DATABASE_URL=empty_database_url,
        **client_at(provider.issuer),
        WEB_CONCURRENCY="1",
        **{name: LOCAL_DEFAULTS[name] for name in ("SESSION_SECRET", "WEBAPP_URL")},
        API_URL="http://localhost:3000",
    )
    service.wait_until_serving()
    assert "✅ Database is up to date - no pending migrations" in service.messages()
    said: dict[str, Any] = requests.get(
        f"{service.url}/auth/session", cookies=visitor.cookies, timeout=5
    ).json()
    assert (said["authenticated"], said["registered"], said["user"]) == (True, True, user)
