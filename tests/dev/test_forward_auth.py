"""What `bin/dev --forward-auth` runs, and what it says where that is missing."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from dev.forward_auth.proxy import CADDYFILE
from tests.forward_auth.page import only, replaced
from tests.support.checkout import checkout
from tests.support.pages import Block
from tests.support.service import ROOT, clean_environ, free_port

DIFFERENCES = {
    "__Secure-session": "session",
    "backend:3000": "localhost:{$PORT}",
    "files.example.com": "http://files.{$COOKIE_DOMAIN}:{$DEV_PROXY_PORT}",
    "books.example.com": "http://books.{$COOKIE_DOMAIN}:{$DEV_PROXY_PORT}",
    "files:8080": "{$APPLICATION}",
    "books:8080": "{$APPLICATION}",
    # A newcomer is in no group.
    "groups=staff": "anyone=1",
}


@pytest.mark.parametrize("block", [only("caddyfile")], ids=str)
def test_its_proxy_is_configured_as_the_page_says(block: Block) -> None:
    _, _, after_options = CADDYFILE.read_text(encoding="utf-8").partition("\n}\n\n")
    assert after_options == replaced(block.text, DIFFERENCES)


def test_without_caddy_one_sentence_says_what_brings_it(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    packages = sysconfig.get_path("purelib")
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-m", "dev", "--forward-auth"],
        cwd=ROOT,
        env=clean_environ({"PYTHONPATH": packages, "PORT": str(free_port())}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    missing = tmp_path / "venv" / "bin" / "caddy"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no {missing}: bin/setup --forward-auth brings it.\n"


@pytest.mark.parametrize(
    ("arguments", "lock"), [([], "dev"), (["--forward-auth"], "forward-auth")], ids=["plain", "forward-auth"]
)
def test_caddy_is_downloaded_for_those_who_ask_for_it(
    tmp_path: Path, arguments: list[str], lock: str
) -> None:
    copy = checkout(tmp_path / "copy")
    (copy / ".venv").unlink()
    offline = {
        "PYTHON": sys.executable,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/",
        "PIP_NO_CACHE_DIR": "1",
    }
    done = subprocess.run(
        [copy / "bin" / "dev", *arguments],
        env=clean_environ(offline),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"from requirements/{lock}.txt ..." in done.stdout
    assert done.returncode == 69
    assert done.stderr.startswith("The package index does not answer")
    assert len(done.stderr.splitlines()) == 1
    assert ("caddy" in (copy / "requirements" / f"{lock}.txt").read_text()) == bool(arguments)
