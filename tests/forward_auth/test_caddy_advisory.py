"""GHSA-7r4p-vjf4-gxv4: Caddy 2.10.0 to 2.11.1 copies a header only where it is not empty.

Debian's Caddy is older and copies always, so `forward_auth` is written out here as those versions expand it.
"""

import json
import re
from pathlib import Path

import pytest

from tests.forward_auth.page import block, replaced
from tests.forward_auth.sites import FILES, Site, behind, client_of
from tests.support.caddy import Caddy
from tests.support.tls import CertificateAuthority

pytestmark = pytest.mark.full

COPIED = """
    @has_{number} not vars {{http.reverse_proxy.header.{name}}} ""
    request_header @has_{number} {name} {{http.reverse_proxy.header.{name}}}
"""


def expanded(match: re.Match[str]) -> str:
    address, uri, names = match.groups()
    copied = "".join(COPIED.format(number=number, name=name) for number, name in enumerate(names.split()))
    return f"""
        reverse_proxy {address} {{
            method GET
            rewrite {uri}
            header_up X-Forwarded-Method {{method}}
            header_up X-Forwarded-Uri {{uri}}
            @good status 2xx
            handle_response @good {{
                {copied}
            }}
        }}
    """


@behind("caddy")
def test_a_person_without_a_name_cannot_choose_one(
    site: Site, authority: CertificateAuthority, certificate: Path, tmp_path: Path
) -> None:
    ports = {"backend:3000": site.service.port, "files:8080": site.application}
    text, count = re.subn(
        r"forward_auth (\S+) \{\s*uri (\S+)\s*copy_headers ([^\n]+)\s*\}",
        expanded,
        replaced(block("caddyfile"), {name: f"127.0.0.1:{port}" for name, port in ports.items()}),
    )
    assert count == 1
    person = site.sign_in(name=None)
    forged = [("X-Auth-Name", "forged"), ("X-Auth-User-Id", "forged")]
    with Caddy(text, certificates=[certificate], folder=tmp_path) as caddy:
        answer = client_of(caddy, authority).get(f"{FILES}/report", [person.cookie, *forged])
    headers = dict(json.loads(answer.body)["headers"])
    assert headers["x-auth-user-id"] == person.user_id
    assert headers.get("x-auth-name", "") == ""
