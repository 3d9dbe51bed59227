"""What Traefik, Caddy and nginx let through to an application, and what it is told."""

import json
import os
import secrets
import subprocess
import urllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from requests.structures import CaseInsensitiveDict

from tests.forward_auth.page import PAGE as PAGES_OWN
from tests.forward_auth.page import on_our_hosts
from tests.forward_auth.sites import API, APP, FILES, Person, Site, behind
from tests.support.https_client import Answer
from tests.support.live_session import insert_live_session
from tests.support.pages import Block, Command
from tests.support.tls import CertificateAuthority

pytestmark = pytest.mark.full

NAVIGATION = [("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")]
PAGE = f"{FILES}/a%20report/%C3%A9t%C3%A9?page=2&q=a%26b%20c+d&u=https%3A%2F%2Fexample.org%2F&100%25"
WEBSOCKET = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
FORGED = [
    ("X-Auth-User-Id", "forged"),
    ("x-auth-email", "forged@example.com"),
    ("X-Auth-Name", "forged"),
    ("X-Auth-Name", "forged again"),
    ("X-Auth-Groups", "admins,forged"),
    ("X_Auth_Groups", "forged"),
    ("X_Auth_User_Id", "forged"),
    ("X_Auth_Name", "forged"),
    ("X-Forwarded-Method", "forged"),
    ("X-Forwarded-Proto", "forged"),
    ("X-Forwarded-Host", "forged.example"),
    ("X-Forwarded-Uri", "/forged"),
    ("X-Forwarded-For", "198.51.100.7"),
]


def seen(answer: Answer) -> Any:
    """The request as it reached the application."""
    assert answer.status == 200, answer
    return json.loads(answer.body)


def headers_of(answer: Answer) -> dict[str, str]:
    pairs = seen(answer)["headers"]
    assert len(pairs) == len(dict(pairs)), pairs
    return dict(pairs)


def identity(answer: Answer) -> tuple[str, str, str]:
    headers = headers_of(answer)
    user_id, email, name = (headers.get(f"x-auth-{name}", "") for name in ("user-id", "email", "name"))
    return user_id, unquote(email), unquote(name)


def websocket_user(answer: Answer) -> str:
    """Whom the application greets in its first frame."""
    assert answer.status == 101, answer
    return answer.body[2:38].decode()


def new_api_token(site: Site, owner: Person) -> tuple[str, str]:
    headers = [owner.cookie, ("Origin", APP), ("Content-Type", "application/json")]
    answer = site.client.request("POST", f"{API}/auth/tokens", headers, b'{"name":"a script"}')
    assert answer.status == 201, answer
    return "Authorization", f"Bearer {json.loads(answer.body)['token']}"


@pytest.mark.parametrize("name", ["Ada Lovelace", "Åda Løvelace 🦊", '100%25 "Ada", <b>', None])
def test_the_application_is_told_whose_request_it_is(site: Site, name: str | None) -> None:
    person = site.sign_in(name=name)
    answer = site.client.get(PAGE, [person.cookie])
    assert identity(answer) == (person.user_id, person.email, name or "")
    assert FILES + seen(answer)["target"] == PAGE


@pytest.mark.parametrize("name", ["Ada Lovelace", None])
def test_nothing_a_client_says_about_itself_reaches_the_application(site: Site, name: str | None) -> None:
    person = site.sign_in(name=name)
    answer = site.client.get(f"{FILES}/report", [person.cookie, *FORGED])
    assert identity(answer) == (person.user_id, person.email, name or "")
    assert "forged" not in str(seen(answer))
    assert headers_of(answer)["x-forwarded-for"] == "127.0.0.1"


def test_nothing_a_client_says_about_itself_misleads_the_service(site: Site) -> None:
    anonymous = site.client.get(PAGE, [*NAVIGATION, *FORGED])
    assert anonymous.status == 302
    assert parse_qs(urlsplit(anonymous.headers["location"]).query)["return_to"] == [PAGE]
    assert site.client.request("POST", PAGE, [*NAVIGATION, ("X-Forwarded-Method", "GET")], b"").status == 401
    clients = [record.get("client") for record in site.service.records() if record["message"] == "Request"]
    assert set(clients) == {"127.0.0.1"}


def test_a_page_leads_to_sign_in_and_everything_else_is_refused(site: Site) -> None:
    page = site.client.get(PAGE, NAVIGATION)
    assert (page.status, page.headers["location"].partition("?")[0]) == (302, f"{API}/auth/login")
    assert parse_qs(urlsplit(page.headers["location"]).query)["return_to"] == [PAGE]
    for headers in ([], [("Sec-Fetch-Mode", "cors")], [("Sec-Fetch-Mode", "no-cors"), ("Accept", "image/*")]):
        assert site.client.get(PAGE, headers).status == 401
    bearer = ("Authorization", f"Bearer cbt_{'0' * 72}")
    assert site.client.get(PAGE, [*NAVIGATION, bearer]).status == 401


def test_a_session_that_ended_leads_to_sign_in_again(site: Site) -> None:
    person = site.sign_in()
    assert site.client.get(PAGE, [person.cookie]).status == 200
    logout = site.client.request("POST", f"{API}/auth/logout", [person.cookie, ("Origin", APP)])
    assert logout.status == 204
    assert site.client.get(PAGE, [person.cookie]).status == 401
    assert site.client.get(PAGE, [person.cookie, *NAVIGATION]).status == 302


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_the_applications_own_refusals_and_failures_stay_its_own(site: Site, status: int) -> None:
    person = site.sign_in()
    answer = site.client.get(f"{FILES}/report?status={status}", [person.cookie, *NAVIGATION])
    assert (answer.status, json.loads(answer.body)["target"]) == (status, f"/report?status={status}")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_arrives_unharmed_or_not_at_all(site: Site, method: str) -> None:
    person, body = site.sign_in(), secrets.token_hex(100_000).encode()
    headers = [("Content-Type", "text/plain"), ("Origin", FILES)]
    arrived = seen(site.client.request(method, f"{FILES}/report", [*headers, person.cookie], body))
    assert (arrived["method"], arrived["body"].encode()) == (method, body)
    assert site.client.request(method, f"{FILES}/report", headers, body).status == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "https://hostile.example.test", "null"])
def test_other_sites_cannot_post_with_somebodys_session(site: Site, origin: str) -> None:
    person = site.sign_in()
    headers = [person.cookie, ("Origin", origin), *NAVIGATION]
    assert site.client.request("POST", f"{FILES}/report", headers, b"amount=1000").status == 403


def test_a_websocket_opens_for_those_signed_in_on_pages_of_allowed_origins(site: Site) -> None:
    person = site.sign_in()
    own = ("Origin", FILES)
    opened = site.client.get(f"{FILES}/socket", [*WEBSOCKET, own, person.cookie])
    assert websocket_user(opened) == person.user_id
    assert site.client.get(f"{FILES}/socket", [*WEBSOCKET, own]).status == 401
    foreign = ("Origin", "https://evil.example")
    assert site.client.get(f"{FILES}/socket", [*WEBSOCKET, foreign, person.cookie]).status == 403


def test_an_api_token_opens_the_application_and_stays_out_of_it(site: Site) -> None:
    person = site.sign_in()
    token = new_api_token(site, person)
    answer = site.client.get(f"{FILES}/report", [token])
    assert identity(answer)[0] == person.user_id
    assert "cbt_" not in str(seen(answer))
    other = site.sign_in()
    assert identity(site.client.get(f"{FILES}/report", [token, other.cookie]))[0] == person.user_id


@behind("caddy", "nginx")
@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("{session}", ""),
        ("{session}; theme=dark", "theme=dark"),
        ("theme=dark; {session}", "theme=dark"),
        ("theme=dark; {session}; lang=en; x__Secure-session=1", "theme=dark; lang=en; x__Secure-session=1"),
        ("theme=dark;{session};lang=en", "theme=dark;lang=en"),
    ],
)
def test_the_session_stays_out_of_the_application_and_other_cookies_do_not(
    site: Site, sent: str, left: str
) -> None:
    person = site.sign_in()
    cookies = sent.format(session=f"__Secure-session={person.token}")
    answer = site.client.get(f"{FILES}/report", [("Cookie", cookies), ("Authorization", "Basic YTpi")])
    assert identity(answer)[0] == person.user_id
    assert headers_of(answer).get("cookie", "") == left
    assert headers_of(answer)["authorization"] == "Basic YTpi"


def test_a_second_session_beside_the_first_is_nobodys(site: Site) -> None:
    victim, attacker = site.sign_in(), site.sign_in()
    for first, second in ((victim, attacker), (attacker, victim)):
        both = ("Cookie", f"{first.cookie[1]}; {second.cookie[1]}")
        apart = [first.cookie, second.cookie]
        assert site.client.get(f"{FILES}/report", [both]).status == 401
        assert site.client.get(f"{FILES}/report", apart).status in {400, 401}


def test_somebody_not_registered_is_refused(site: Site) -> None:
    token = insert_live_session(site.database_url, pending=secrets.token_hex(4))["Cookie"].partition("=")[2]
    assert site.client.get(PAGE, [("Cookie", f"__Secure-session={token}"), *NAVIGATION]).status == 403


@pytest.mark.parametrize("command", PAGES_OWN.commands(below="Scripts"), ids=str)
def test_a_script_gets_through_with_the_pages_command(
    site: Site, command: Command, authority: CertificateAuthority, tmp_path: Path
) -> None:
    _, bearer = new_api_token(site, site.sign_in())
    curlrc = f'cacert = "{authority.path}"\nconnect-to = "::127.0.0.1:{site.port}"\n'
    (tmp_path / ".curlrc").write_text(curlrc)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TOKEN": bearer.removeprefix("Bearer ")}
    line = ["bash", "-euc", on_our_hosts(command.line)]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["target"] == "/reports"


@pytest.mark.parametrize("block", PAGES_OWN.blocks("python"), ids=str)
def test_the_application_reads_the_name_as_the_page_says(site: Site, block: Block) -> None:
    person = site.sign_in(name="Åda Løvelace 🦊 100%")
    sent = headers_of(site.client.get(f"{FILES}/report", [person.cookie]))
    request = SimpleNamespace(headers=CaseInsensitiveDict(sent))
    names: dict[str, Any] = {"request": request, "urllib": urllib}
    exec(block.text, names)  # noqa: S102  # the page's own line
    assert names["name"] == "Åda Løvelace 🦊 100%"
