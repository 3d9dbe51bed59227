"""Microsoft, whose tenants each are an issuer of their own. Its answers are emulated."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Connection, Refusal
from tests.identity.emulated import microsoft as platform
from tests.identity.emulated.emulation import json_with
from tests.identity.emulated.microsoft import CONSUMERS, USERINFO, Microsoft
from tests.identity.misbehaviour import begin_and_finish
from tests.support.provider import Answer
from tests.support.visitor import Visitor

ENVIRON = {"PROVIDERS": "microsoft", **platform.CLIENT}
SITE = "https://login.microsoftonline.com"
OTHER = str(uuid.UUID(int=7))
MakeApp = Callable[..., Any]
MakeMicrosoft = Callable[[str], Microsoft]

WRONG_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "issuer-of-another-tenant": ({"iss": f"{SITE}/{OTHER}/v2.0"}, "ssuer"),
    "tid-of-another-tenant": ({"tid": OTHER}, "ssuer"),
    "issuer-another": ({"iss": "https://evil.example/v2.0"}, "ssuer"),
    "issuer-placeholder": ({"iss": f"{SITE}/{{tenantid}}/v2.0"}, "ssuer"),
    "issuer-of-the-path": ({"iss": f"{SITE}/common/v2.0"}, "ssuer"),
    "issuer-with-a-slash": ({"iss": f"{SITE}/{OTHER}/v2.0/", "tid": OTHER}, "ssuer"),
    "issuer-version-1": ({"iss": f"https://sts.windows.net/{OTHER}/", "tid": OTHER}, "ssuer"),
    "tid-missing": ({"tid": None}, "ti"),
    "tid-number": ({"tid": 5}, "ti"),
    "tid-list": ({"tid": [OTHER]}, "ti"),
    "tid-word": ({"tid": "common", "iss": f"{SITE}/common/v2.0"}, "ti"),
    "tid-empty": ({"tid": "", "iss": f"{SITE}//v2.0"}, "ti"),
    "tid-way-up": ({"tid": "../evil", "iss": f"{SITE}/../evil/v2.0"}, "ti"),
    "tid-braces": ({"tid": "{tenantid}", "iss": f"{SITE}/{{tenantid}}/v2.0"}, "ti"),
    "audience-another": ({"aud": OTHER}, "udience"),
    "nonce-another": ({"nonce": "another"}, "nonce"),
    "expired": ({"exp": 1}, "xpired"),
    "subject-missing": ({"sub": None}, "sub"),
}
UNVOUCHED: dict[str, dict[str, Any]] = {
    "missing": {"xms_edov": None},
    "false": {"xms_edov": False},
    "zero": {"xms_edov": 0},
    "zero-in-words": {"xms_edov": "0"},
    "false-in-words": {"xms_edov": "false"},
    "list": {"xms_edov": [True]},
    "only-a-user-name": {"email": None},
}
TOKEN_ERRORS = {
    "code-expired": platform.error("invalid_grant", 70008),
    "secret-wrong": platform.error("invalid_client", 7000215, 401),
    "consent-required": platform.error("interaction_required", 65001),
    "no-such-client": platform.error("unauthorized_client", 700016),
}


@pytest.fixture
def app(microsoft: Microsoft, make_app: MakeApp) -> Any:
    return make_app(**ENVIRON)


def test_people_of_each_tenant_sign_in(app: Any, microsoft: Microsoft, connection: Connection) -> None:
    for tid in (microsoft.tid, OTHER, CONSUMERS):
        name = tid[-6:]
        microsoft.tid = tid
        microsoft.person["email"] = microsoft.userinfo["email"] = f"{name}@example.com"
        Visitor(app, origin=WEBAPP).register()
        known = connection.execute(
            "SELECT issuer, subject FROM identities JOIN users ON users.id = user_id WHERE users.email = %s",
            (f"{name}@example.com",),
        ).fetchall()
        # The same subject of three tenants: three people.
        assert known == [(f"{SITE}/{tid}/v2.0", microsoft.person["sub"])]


def test_it_is_asked_for_a_code_with_pkce_at_the_tenants_path(
    make_microsoft: MakeMicrosoft, make_app: MakeApp
) -> None:
    for tenant in ("common", "organizations", "consumers", OTHER):
        make_microsoft(tenant)
        location = (
            Visitor(make_app(**ENVIRON, MICROSOFT_TENANT=tenant)).get("/auth/login").headers["location"]
        )
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert location.startswith(f"{SITE}/{tenant}/oauth2/v2.0/authorize?")
        assert asked["redirect_uri"] == "http://localhost:3000/auth/callback/microsoft"
        assert asked["code_challenge_method"] == "S256"


@pytest.mark.parametrize(("changes", "cause"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_with_wrong_claims_is_refused(
    app: Any, microsoft: Microsoft, refusal: Refusal, changes: dict[str, Any], cause: str
) -> None:
    microsoft.changes = changes
    refusal.check(begin_and_finish(app), "invalid_token", cause)


@pytest.mark.parametrize("changes", UNVOUCHED.values(), ids=UNVOUCHED)
def test_an_address_that_nobody_vouches_for_is_refused(
    app: Any, microsoft: Microsoft, refusal: Refusal, changes: dict[str, Any]
) -> None:
    microsoft.changes = changes
    # Userinfo has the address, and cannot vouch for it.
    microsoft.userinfo["email"] = microsoft.person["email"]
    refusal.check(begin_and_finish(app), "email_not_verified", "")


def test_with_one_tenant_others_are_refused(
    make_microsoft: MakeMicrosoft, make_app: MakeApp, refusal: Refusal
) -> None:
    microsoft = make_microsoft(OTHER)
    app = make_app(**ENVIRON, MICROSOFT_TENANT=OTHER)
    refusal.check(begin_and_finish(app), "invalid_token", "")
    microsoft.tid = OTHER
    assert "session" in begin_and_finish(app).cookies


@pytest.mark.parametrize(
    "issuer",
    [f"{SITE}/{OTHER}/v2.0", "https://evil.example/{tenantid}/v2.0", f"{SITE}/common/v2.0", None, ""],
)
def test_discovery_with_another_issuer_makes_it_unavailable(
    app: Any, microsoft: Microsoft, refusal: Refusal, issuer: str | None
) -> None:
    microsoft.metadata["issuer"] = issuer
    refusal.check(begin_and_finish(app), "provider_unavailable", "issuer")


def test_discovery_of_another_tenant_makes_it_unavailable(
    make_microsoft: MakeMicrosoft, make_app: MakeApp, refusal: Refusal
) -> None:
    microsoft = make_microsoft(OTHER)
    microsoft.metadata["issuer"] = f"{SITE}/{uuid.uuid4()}/v2.0"
    refusal.check(
        begin_and_finish(make_app(**ENVIRON, MICROSOFT_TENANT=OTHER)), "provider_unavailable", "issuer"
    )


@pytest.mark.parametrize("answer", TOKEN_ERRORS.values(), ids=TOKEN_ERRORS)
def test_a_documented_error_signs_nobody_in(
    app: Any, microsoft: Microsoft, refusal: Refusal, answer: Answer
) -> None:
    microsoft.answers[microsoft.token_path] = lambda _: answer
    refusal.check(begin_and_finish(app), "oauth_failed", "AADSTS")


def test_being_limited_makes_it_unavailable(app: Any, microsoft: Microsoft, refusal: Refusal) -> None:
    microsoft.answers[microsoft.token_path] = lambda _: json_with({}, 429, retry_after="30")
    refusal.check(begin_and_finish(app), "provider_unavailable", "429")


def test_who_cancels_is_told_so(app: Any, microsoft: Microsoft, refusal: Refusal) -> None:
    visitor = Visitor(app)
    state = parse_qs(urlsplit(visitor.get("/auth/login").headers["location"]).query)["state"][0]
    more = "error_subcode=cancel&error_description=AADSTS65004%3a+User+declined"
    answer = visitor.get(f"/auth/callback/microsoft?error=access_denied&{more}&state={state}")
    refusal.check(answer, "access_denied", "access_denied")
    assert microsoft.token_path not in microsoft.visits


@pytest.mark.parametrize("place", ["id_token", "access_token", "id_token_hint"])
def test_a_token_in_the_callback_is_no_code(
    app: Any, microsoft: Microsoft, refusal: Refusal, place: str
) -> None:
    visitor = Visitor(app)
    asked = parse_qs(urlsplit(visitor.get("/auth/login").headers["location"]).query)
    claims = {"iss": f"{SITE}/{microsoft.tid}/v2.0", "nonce": asked["nonce"][0], **microsoft.person}
    token = microsoft.signed(claims)
    answer = visitor.get(f"/auth/callback/microsoft?{place}={token}&state={asked['state'][0]}")
    refusal.check(answer, "oauth_failed", "no code")


def test_an_id_token_in_the_access_tokens_place_signs_nobody_in(
    app: Any, microsoft: Microsoft, refusal: Refusal
) -> None:
    def misplaced(parameters: dict[str, str]) -> Answer:
        status, headers, body = microsoft.honest_answer(microsoft.token_path, parameters)
        return (
            status,
            headers,
            body.replace(b'"access_token"', b'"x"').replace(b'"id_token"', b'"access_token"'),
        )

    microsoft.answers[microsoft.token_path] = misplaced
    refusal.check(begin_and_finish(app), "invalid_token", "no ID token")


def test_userinfo_of_somebody_else_signs_nobody_in(app: Any, microsoft: Microsoft) -> None:
    microsoft.changes = {"name": None, "email": None}
    microsoft.userinfo |= {"sub": "somebody-else", "email_verified": True}
    result = begin_and_finish(app)
    assert "session" not in result.cookies
    assert USERINFO in microsoft.visits
