"""What the documentation promises is so."""

import configparser
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.api_tokens import MAX_PER_USER
from app.accounts.credentials import new_api_token
from app.settings.config import Config
from app.settings.variables import ConfigError
from app.web.json_body import MAX_DAYS
from app.web.problems import CODES_BY_STATUS, INTERNAL_ERROR, INVALID_REQUESTS, PROBLEMS
from tests.support.asked_for import AskedFor
from tests.support.pages import PAGES, Block, Page, rows
from tests.support.service import PRODUCTION, ROOT
from tests.support.visitor import Visitor

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
DECISIONS = ROOT / "docs" / "adr"


def test_the_configuration_page_names_every_variable_the_code_reads_and_no_other() -> None:
    environ = AskedFor({"DB_HOST": "db", "PROVIDERS": "google,microsoft,github,n"})
    with pytest.raises(ConfigError):
        Config.from_environ(environ)
    table = [line.split("|")[1] for line in CONFIGURATION.splitlines() if line.startswith("| `")]
    documented = {name for cell in table for name in re.findall(r"`([A-Z_]+)`", cell)}
    # What each provider may have is there once, of N.
    named = {"GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "MICROSOFT_TENANT", "GITHUB_URL"}
    asked = {
        name if name in named else re.sub("^(GOOGLE|MICROSOFT|GITHUB)_", "N_", name) for name in environ.names
    }
    assert documented == asked


def configuration_rows() -> Iterator[tuple[str, str]]:
    """Each variable of the table, and what stands under `default`."""
    for names, default, _ in rows(CONFIGURATION.partition("\n## ")[0]):
        for name in re.findall(r"`([A-Z_]+)`", re.sub(r"\[.*\]", "", names)):
            yield name, default


PLAIN_DEFAULTS = [
    (name, default.strip("`"))
    for name, default in configuration_rows()
    if re.fullmatch(r"`[^`]+`", default) and not re.fullmatch(r"`[A-Z_]+`", default)
]
BY_PARTS = {"DB_HOST": "db", "DB_USER": "service", "DB_PASSWORD": "x", "DB_NAME": "service"}


@pytest.mark.parametrize(("name", "default"), PLAIN_DEFAULTS)
def test_a_default_on_the_configuration_page_is_what_leaving_it_out_means(name: str, default: str) -> None:
    unset = Config.from_environ({**PRODUCTION, **BY_PARTS})
    assert Config.from_environ({**PRODUCTION, **BY_PARTS, name: default}) == unset


def test_what_the_configuration_page_calls_required_is_missed() -> None:
    required = {name for name, default in configuration_rows() if default == "required"}
    with pytest.raises(ConfigError) as missed:
        Config.from_environ({})
    assert {line.strip(" -").partition(":")[0] for line in str(missed.value).splitlines()} >= required
    assert str(missed.value).count("required") == len(required)


def test_the_errors_page_lists_every_code_with_its_status() -> None:
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.MULTILINE)
    codes = {
        *((code, status) for status, code, _ in [*PROBLEMS.values(), INTERNAL_ERROR]),
        *((code, status) for status, code in CODES_BY_STATUS.items()),
        *((code, int(status)) for status, code in INVALID_REQUESTS.values()),
        ("bad_request", 400),
    }
    assert sorted((code, int(status)) for code, status in listed) == sorted(codes)


@pytest.mark.parametrize("example", Page("errors.md").blocks("json"), ids=str)
def test_the_errors_page_shows_a_problem_as_it_comes(example: Block, visitor: Visitor) -> None:
    came = visitor.get("/auth/user").json
    assert {**came, "request_id": None} == {**json.loads(example.text), "request_id": None}


def test_what_the_sign_in_page_says_of_api_tokens_is_so() -> None:
    text = (ROOT / "docs" / "sign-in.md").read_text(encoding="utf-8")
    section = text.partition("\n## API tokens")[2].partition("\n## ")[0]
    pattern = re.search(r"`(cbt_[^`]+)`", section)
    assert pattern
    assert re.fullmatch(pattern[1], new_api_token())
    assert f"`expires_in_days` is 1 to {MAX_DAYS};" in section
    assert f"up to {MAX_PER_USER};" in section


def test_the_first_decision_has_a_line_for_every_runtime_dependency_and_extra() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    required = set(re.findall(r"^([\w-]+)", setup["options"]["install_requires"].strip(), re.MULTILINE))
    page = (DECISIONS / "0001-dependencies.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| ([\w, -]+) \|", page, re.MULTILINE)
    listed = {name for row in cells for name in row.split(", ")}
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    locked = {name.lower() for name in re.findall(r"^([\w-]+)==", lock, re.MULTILINE)}
    assert required <= listed
    assert {name.lower() for name in listed - {"package"}} <= locked
    for extra in set(setup["options.extras_require"]) - {"dev", "forward-auth", "test", "browser"}:
        assert f"`{extra}`" in page


def test_every_decision_is_listed_in_order_by_its_own_title() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", index, re.MULTILINE)
    titles = [
        (*path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(". ", 1), path.name)
        for path in sorted(DECISIONS.glob("0*.md"))
    ]
    assert listed == titles


def test_the_readme_leads_to_every_page() -> None:
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    pages = {str(page.relative_to(ROOT)) for page in PAGES if page.parent != DECISIONS}
    assert set(links) == (pages - {"README.md"}) | {"docs/adr/"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            path = page.parent / target if target else page
            assert path.exists(), target
            assert not anchor or anchor in anchors(path), anchor


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_ours_exist(page: Path) -> None:
    for command in re.findall(r"(?<!venv/)\bbin/[a-z]+\b", page.read_text(encoding="utf-8")):
        assert (ROOT / command).exists(), command


def test_every_command_has_a_purpose_line_and_is_executable() -> None:
    for path in (ROOT / "bin").iterdir():
        assert path.stat().st_mode & 0o111, path
        assert path.read_text(encoding="utf-8").splitlines()[1].startswith("# "), path


def test_a_fresh_secret_is_long_enough_and_fresh() -> None:
    secrets = {subprocess.check_output([ROOT / "bin" / "secret"], text=True).strip() for _ in range(2)}
    assert len(secrets) == 2
    assert all(len(secret) >= 32 for secret in secrets)
