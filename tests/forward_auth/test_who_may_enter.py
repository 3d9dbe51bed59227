"""Two applications for two groups, behind each proxy that the page configures."""

import json
import subprocess
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from app.accounts.groups import MAX_NAME_LENGTH
from tests.forward_auth.sites import BOOKS, FILES, PROXIES, Site, behind
from tests.forward_auth.test_proxies import FORGED, NAVIGATION, WEBSOCKET, headers_of, seen, websocket_user
from tests.support.tls import CertificateAuthority

pytestmark = pytest.mark.full

PREFLIGHT = [
    ("Origin", "https://evil.example"),
    ("Access-Control-Request-Method", "PUT"),
    ("Access-Control-Request-Headers", "content-type"),
]


def test_each_group_enters_its_own_application_and_no_other(site: Site) -> None:
    staff, finance = site.sign_in(groups=["staff"]), site.sign_in(groups=["finance", "Zürich 100%"])
    nobody, both = site.sign_in(groups=[]), site.sign_in(groups=["finance", "staff"])
    entered = {
        (who, host): site.client.get(f"{host}/report", [person.cookie]).status
        for who, person in {"staff": staff, "finance": finance, "nobody": nobody, "both": both}.items()
        for host in (FILES, BOOKS)
    }
    assert {key for key, status in entered.items() if status == 200} == {
        ("staff", FILES),
        ("finance", BOOKS),
        ("both", FILES),
        ("both", BOOKS),
    }
    assert {status for status in entered.values() if status != 200} == {403}
    told = headers_of(site.client.get(f"{BOOKS}/report", [finance.cookie]))
    assert told["x-auth-groups"] == "Z%C3%BCrich 100%25,finance"


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_rule_may_have_any_character_that_is_percent_encoded(
    proxy: str, serve_site: Callable[..., Site], database_url: str
) -> None:
    names = ["R&D", "Zürich 100% {x} $1 #+?"]
    site = serve_site(proxy, database_url=database_url, rule=f"groups={','.join(map(quote, names))}")

    def entered(group: str) -> int:
        return site.client.get(f"{BOOKS}/report", [site.sign_in(groups=[group]).cookie]).status

    assert [entered(name) for name in names] == [200, 200]
    assert [entered(name) for name in ("R", "D", "R%26D", "Zürich 100%", names[1].replace("+", " "))] == [
        403
    ] * 5


def test_several_cookie_lines_are_one(site: Site, authority: CertificateAuthority) -> None:
    """As HTTP/2 sends them (RFC 9113, section 8.2.3), which Caddy and Traefik speak by default."""
    person = site.sign_in()
    command = ["curl", "--silent", "--fail", "--http2", "--cacert", str(authority.path)]
    place = ["--connect-to", f"::127.0.0.1:{site.port}", f"{FILES}/report"]
    cookies = [f"Cookie: {cookie}" for cookie in ("theme=dark", person.cookie[1], "lang=en")]
    headers = [word for cookie in cookies for word in ("--header", cookie)]
    arrived = dict(json.loads(subprocess.check_output([*command, *headers, *place]))["headers"])
    assert arrived["x-auth-user-id"] == person.user_id
    assert person.token not in str(arrived)


@pytest.mark.parametrize(
    "forged", [*FORGED, ("X-Auth-Groups", "finance"), ("X-Original-URL", "/auth/verify?anyone=1")]
)
def test_no_header_of_a_client_opens_another_application(site: Site, forged: tuple[str, str]) -> None:
    staff = site.sign_in(groups=["staff"])
    for target in ("/report", "/report?anyone=1", "/auth/verify?anyone=1"):
        assert site.client.get(BOOKS + target, [staff.cookie, forged]).status == 403


def test_a_page_for_people_and_a_problem_for_programs(site: Site) -> None:
    staff = site.sign_in(groups=["staff"])
    page = site.client.get(f"{BOOKS}/report?year=2026", [staff.cookie, *NAVIGATION])
    assert (page.status, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert staff.email in page.body.decode()
    assert "unsafe" not in page.headers["content-security-policy"]
    link = unescape(page.body.decode().partition('href="')[2].partition('"')[0])
    assert parse_qs(urlsplit(link).query)["return_to"] == [f"{BOOKS}/report?year=2026"]
    program = site.client.request("POST", f"{BOOKS}/report", [staff.cookie, ("Origin", BOOKS)], b"x")
    assert (program.status, json.loads(program.body)["code"]) == (403, "not_in_group")


def test_a_preflight_reaches_the_application_without_anybodys_name(site: Site) -> None:
    arrived = seen(site.client.request("OPTIONS", f"{FILES}/report", [*PREFLIGHT, *FORGED[:3]]))
    assert arrived["method"] == "OPTIONS"
    headers = dict(arrived["headers"])
    assert headers["access-control-request-method"] == "PUT"
    assert {headers.get(f"x-auth-{name}", "") for name in ("user-id", "email", "name", "groups")} == {""}


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_only_what_is_a_preflight_passes_as_one(site: Site, method: str) -> None:
    lie = [("X-Forwarded-Method", "OPTIONS"), ("X-HTTP-Method-Override", "OPTIONS")]
    assert site.client.request(method, f"{FILES}/report", [*PREFLIGHT, *lie], b"").status in {401, 403}
    assert site.client.request("OPTIONS", f"{FILES}/report", PREFLIGHT[:1]).status in {401, 403}


@behind("caddy", "nginx")
def test_the_applications_own_authorization_reaches_it(site: Site) -> None:
    staff = site.sign_in()
    for authorization in ("Bearer eyJhbGciOi.e30.x", "Basic YTpi", "bearer xcbt_"):
        answer = site.client.get(f"{FILES}/report", [staff.cookie, ("Authorization", authorization)])
        assert headers_of(answer)["authorization"] == authorization
    for token in (f"Bearer cbt_{'0' * 72}", "bearer  cbt_x"):
        refused = site.client.get(f"{FILES}/report", [staff.cookie, ("Authorization", token)])
        assert refused.status == 401


def test_a_websocket_opens_for_the_right_group_alone(site: Site) -> None:
    staff, finance = site.sign_in(groups=["staff"]), site.sign_in(groups=["finance"])
    own = ("Origin", FILES)
    opened = site.client.get(f"{FILES}/socket", [*WEBSOCKET, own, staff.cookie])
    assert websocket_user(opened) == staff.user_id
    assert site.client.get(f"{FILES}/socket", [*WEBSOCKET, own, finance.cookie]).status == 403


@behind("caddy", "nginx")
def test_large_cookies_of_an_application_do_no_harm(site: Site) -> None:
    staff = site.sign_in()
    large = "; ".join(f"c{number}={'x' * 3900}" for number in range(6))
    answer = site.client.get(f"{FILES}/report", [("Cookie", f"{large}; {staff.cookie[1]}")])
    assert headers_of(answer)["cookie"] == large
    too_large = f"{large}; {'; '.join(f'd{number}=' + 'x' * 3900 for number in range(4))}"
    refused = site.client.get(f"{FILES}/report", [("Cookie", f"{too_large}; {staff.cookie[1]}")])
    assert 400 <= refused.status < 600


def test_two_hundred_groups_fit_into_the_header(site: Site) -> None:
    many = sorted(["staff", *(f"{number:0{MAX_NAME_LENGTH}}" for number in range(199))])
    person = site.sign_in(groups=many)
    answer = site.client.get(f"{FILES}/report", [person.cookie])
    assert headers_of(answer)["x-auth-groups"].split(",") == many
