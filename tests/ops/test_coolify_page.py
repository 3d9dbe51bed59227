"""docs/deploy-coolify.md: its variables start the service, which then says what the page says."""

import re

import pytest

from app.migrations.script.files import load_migrations
from app.settings.places import MIGRATIONS_FOLDER
from dev.postgres import EmbeddedPostgres
from tests.support.databases import fresh_database
from tests.support.original import OriginalService
from tests.support.pages import Block, Page
from tests.support.service import ROOT

PAGE = Page("deploy-coolify.md")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SECRET = "8d41f6c2a97e05b3e6104bd2f97a3c58"


@pytest.mark.parametrize(("variables", "first_start"), [(*PAGE.blocks("ini"), *PAGE.blocks("text"))], ids=str)
def test_its_variables_start_the_service_with_the_lines_it_shows(
    variables: Block, first_start: Block, postgres: EmbeddedPostgres
) -> None:
    pairs = [line.partition("=") for line in variables.text.splitlines()]
    with fresh_database(postgres) as url:
        given = {name: value or SECRET for name, _, value in pairs}
        assert given["DATABASE_URL"].startswith("postgres://")
        service = OriginalService({**given, "DATABASE_URL": url.replace("postgresql://", "postgres://")})
        try:
            service.wait_until_serving()
            # A tree with migrations of its own applies more than the page shows.
            applied = f"Applied {len(load_migrations(MIGRATIONS_FOLDER))} migration(s)"
            shown = re.sub(r"Applied \d+ migration\(s\)", applied, first_start.text).splitlines()
            assert [message for message in service.messages() if message in shown] == shown
        finally:
            service.kill()


def test_it_tells_the_health_checks_figures() -> None:
    section = " ".join(PAGE.section("Health checks").split())
    figures = dict(re.findall(r"--([a-z-]+)=(\d+)", DOCKERFILE.partition("HEALTHCHECK")[2]))
    assert f"every {figures['interval']} s, {figures['timeout']} s at most" in section
    assert f"start period of {figures['start-period']} s" in section
    assert figures["retries"] == "3"
    assert "three failures in a row" in section
    by_hand = ("interval", "timeout", "retries", "start period")
    assert ", ".join(f"{name} {figures[name.replace(' ', '-')]}" for name in by_hand) in section


def test_a_migration_has_the_time_it_tells_of() -> None:
    figures = {name: int(text) for name, text in re.findall(r"--([a-z-]+)=(\d+)", DOCKERFILE)}
    coolify_looks_last = figures["start-period"] + (figures["retries"] - 1) * figures["interval"]
    last_check = coolify_looks_last // figures["interval"] * figures["interval"]
    assert f"A migration may take {last_check} s" in PAGE.text


@pytest.mark.parametrize("word", ["USER 10001", "EXPOSE 3000", " curl "])
def test_the_image_is_as_it_says(word: str) -> None:
    assert word in DOCKERFILE
