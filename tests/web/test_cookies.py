"""The session cookie in every mode, and what others may plant beside it."""

from collections.abc import Callable
from typing import Any

import pytest

from app.accounts.credentials import new_token
from tests.conftest import WEBAPP
from tests.support.provider import OpenIDProvider
from tests.support.visitor import Visitor

HTTP = {"API_URL": "http://api.example.test", "WEBAPP_URL": "http://app.example.test"}
HTTPS = {"API_URL": "https://api.example.com", "WEBAPP_URL": "https://app.example.com"}
MODES = [
    ({}, "session", ""),
    ({**HTTP, "COOKIE_DOMAIN": "example.test"}, "session", "example.test"),
    (HTTPS, "__Host-session", ""),
    ({**HTTPS, "COOKIE_DOMAIN": "example.com"}, "__Secure-session", "example.com"),
]

MakeApp = Callable[..., Any]


@pytest.mark.parametrize(("environ", "name", "domain"), MODES)
def test_what_is_set_can_be_cleared(
    make_app: MakeApp, environ: dict[str, str], name: str, domain: str
) -> None:
    visitor = Visitor(make_app(**environ), origin=environ.get("WEBAPP_URL", WEBAPP))
    visitor.register()
    assert visitor.is_signed_in
    cookie = visitor.latest[name]
    visitor.post("/auth/logout")
    cleared = visitor.latest[name]
    assert cookie.value
    assert not cleared.value
    for one in (cookie, cleared):
        assert (one.domain or "", one.path, one.secure, one.http_only, one.same_site) == (
            domain,
            "/",
            name.startswith("__"),
            True,
            "Lax",
        )


@pytest.mark.parametrize(("environ", "name", "_domain"), MODES)
def test_a_session_tossed_beside_the_real_one_makes_nobody_of_both(
    make_app: MakeApp, environ: dict[str, str], name: str, _domain: str, provider: OpenIDProvider
) -> None:
    app = make_app(**environ)
    victim = Visitor(app, origin=environ.get("WEBAPP_URL", WEBAPP))
    victim.register()
    provider.reset()
    attacker = Visitor(app, origin=environ.get("WEBAPP_URL", WEBAPP))
    attacker.register()
    mine, planted = victim.cookies[name], attacker.cookies[name]
    for first, second in ((mine, planted), (planted, mine)):
        answer = victim.get("/auth/session", headers={"Cookie": f"{name}={first}; {name}={second}"})
        assert answer.json["authenticated"] is False
        # Where siblings can plant cookies, clearing the real one would leave the browser with theirs.
        assert (name in answer.cookies) is ("COOKIE_DOMAIN" not in environ)
    signed_out = victim.post("/auth/logout", headers={"Cookie": f"{name}={mine}; {name}={planted}"})
    assert (signed_out.status_code, signed_out.cookies[name].value) == (204, "")
    for person, token in ((victim, mine), (attacker, planted)):
        person.cookies[name] = token
        assert not person.is_signed_in


@pytest.mark.parametrize(("environ", "name", "_domain"), MODES)
def test_a_session_under_another_modes_name_is_no_session(
    make_app: MakeApp, environ: dict[str, str], name: str, _domain: str
) -> None:
    visitor = Visitor(make_app(**environ), origin=environ.get("WEBAPP_URL", WEBAPP))
    visitor.register()
    token = visitor.cookies[name]
    for other in {"session", "__Host-session", "__Secure-session"} - {name}:
        # What a sibling host or plain http can write, with a live token in it.
        answer = visitor.get("/auth/session", headers={"Cookie": f"{other}={token}"})
        assert answer.json["authenticated"] is False
        both = visitor.get("/auth/session", headers={"Cookie": f"{other}={new_token()}; {name}={token}"})
        assert both.json["authenticated"] is True


def test_a_planted_session_is_worth_nothing_once_its_victim_signs_in(
    app: Any, provider: OpenIDProvider
) -> None:
    attacker = Visitor(app, origin=WEBAPP)
    attacker.sign_in()
    planted = attacker.cookies["session"]

    provider.reset()
    victim = Visitor(app, origin=WEBAPP)
    victim.cookies["session"] = planted
    victim.register()
    assert victim.cookies["session"] != planted
    assert victim.get("/auth/user").json["email"] == provider.person["email"].lower()
    assert not attacker.is_signed_in


def test_a_session_known_before_registration_is_worth_nothing_after_it(app: Any, visitor: Visitor) -> None:
    visitor.sign_in()
    spy = Visitor(app, origin=WEBAPP)
    spy.cookies = dict(visitor.cookies)
    assert spy.is_signed_in
    assert visitor.post("/auth/register").status_code == 201
    assert not spy.is_signed_in


@pytest.mark.parametrize("blank", ["\xa0", "\x85", "\x1f"], ids=["no-break-space", "next-line", "separator"])
def test_no_blank_hides_a_siblings_cookie_behind_the_host_prefix(
    make_app: MakeApp, provider: OpenIDProvider, blank: str
) -> None:
    app = make_app(**HTTPS)
    victim, attacker = (Visitor(app, origin=HTTPS["WEBAPP_URL"]) for _ in range(2))
    victim.register()
    mine = victim.get("/auth/session").json
    provider.reset()
    attacker.sign_in()
    callback = attacker.go_to_provider()
    # For browsers the name does not begin with __Host-, so that any sibling host may set it, for all hosts.
    planted = "; ".join(["a=b", *(f"{blank}{name}={value}" for name, value in attacker.cookies.items())])

    assert Visitor(app).get("/auth/session", headers={"Cookie": planted}).json["authenticated"] is False
    both = f"{planted}; __Host-session={victim.cookies['__Host-session']}"
    assert victim.get("/auth/session", headers={"Cookie": both}).json == mine
    landed = victim.get(callback, headers={"Cookie": both})
    assert landed.headers["location"].endswith("error=invalid_state")


@pytest.mark.parametrize("others", [";" * 30_000, "a=b; " * 6000, "; " * 15_000, "sessions=a;" * 3000])
def test_a_cookie_is_found_among_thousands(visitor: Visitor, others: str) -> None:
    visitor.register()
    token = visitor.cookies["session"]
    answer = visitor.get("/auth/session", headers={"Cookie": f"{others} session={token};{others}"})
    assert answer.json["authenticated"] is True
