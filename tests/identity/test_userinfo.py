"""Claims that are not in the ID token come from userinfo, and none is mixed with another's."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.identity.misbehaviour import FAILURES
from tests.support.provider import CLIENT_ID, OpenIDProvider
from tests.support.visitor import Visitor

NOTHING = dict.fromkeys(("email", "email_verified", "name", "picture"))
"""An ID token as certified providers make it by default."""
PROFILE: dict[str, Any] = {
    "email": "ada@userinfo.example",
    "email_verified": True,
    "name": "Ada of Userinfo",
    "picture": "https://example.com/userinfo.png",
}


def user(visitor: Visitor) -> Any:
    answer = visitor.sign_in()
    assert answer.headers["location"] == f"{WEBAPP}/auth/register", answer.headers
    return visitor.get("/auth/session").json["user"]


def test_a_profile_may_be_in_userinfo_alone(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.offer_userinfo(PROFILE, **NOTHING)
    told = {name: PROFILE[name] for name in ("email", "name", "picture")}
    assert user(visitor) == {"id": None, "groups": []} | told


def test_a_complete_id_token_needs_no_userinfo(visitor: Visitor, provider: OpenIDProvider) -> None:
    provider.offer_userinfo(PROFILE)
    assert user(visitor)["email"] == provider.person["email"]
    assert "/userinfo" not in provider.visits


@pytest.mark.parametrize("missing", ["name", "picture"])
def test_what_is_missing_is_completed_and_the_rest_is_the_tokens(
    visitor: Visitor, provider: OpenIDProvider, missing: str
) -> None:
    provider.offer_userinfo(PROFILE, **{missing: None})
    found = user(visitor)
    assert found[missing] == PROFILE[missing]
    assert found["email"] == provider.person["email"]


EMAILS: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "token-has-both": ({"email": "t@x.example", "email_verified": True}, PROFILE, "t@x.example"),
    "token-denies": ({"email": "t@x.example", "email_verified": False}, PROFILE, None),
    "token-is-silent-and-userinfo-names-the-same": (
        {"email": "t@x.example"}, {"email": "T@x.example", "email_verified": True}, "t@x.example",
    ),
    "token-is-silent-and-userinfo-names-another": ({"email": "t@x.example"}, PROFILE, PROFILE["email"]),
    "token-is-silent-and-userinfo-denies": (
        {"email": "t@x.example"}, {"email": "t@x.example", "email_verified": False}, None,
    ),
    "token-is-silent-and-userinfo-vouches-for-nothing": (
        {"email": "t@x.example"}, {"email_verified": True}, None,
    ),
    "token-vouches-for-nothing": ({"email_verified": True}, {"email": "u@x.example"}, None),
    "userinfo-as-text": ({}, {"email": "u@x.example", "email_verified": "true"}, None),
    "userinfo-without": ({}, {"name": "Ada"}, None),
}  # fmt: skip


@pytest.mark.parametrize(("token", "userinfo", "email"), EMAILS.values(), ids=EMAILS)
def test_address_and_verification_come_from_one_source(
    visitor: Visitor,
    provider: OpenIDProvider,
    refusal: Refusal,
    token: dict[str, Any],
    userinfo: dict[str, Any],
    email: str | None,
) -> None:
    provider.offer_userinfo(userinfo, **NOTHING | token)
    if email is None:
        refusal.check(visitor.sign_in(), "email_not_verified", "")
    else:
        assert user(visitor)["email"] == email


@pytest.mark.parametrize(
    ("token", "is_trusted"),
    [({}, True), ({"email_verified": False}, False), ({"email_verified": "true"}, False)],
)
def test_silence_counts_where_the_provider_is_trusted_and_a_denial_never(
    make_app: Callable[..., Any],
    provider: OpenIDProvider,
    token: dict[str, Any],
    is_trusted: bool,  # noqa: FBT001
) -> None:
    provider.changes = {"email_verified": None} | token
    answer = Visitor(make_app(OIDC_TRUST_EMAIL="true")).sign_in()
    assert ("error" not in answer.headers["location"]) == is_trusted


def test_userinfo_about_somebody_else_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    provider.offer_userinfo({**PROFILE, "sub": "somebody-else"}, **NOTHING)
    refusal.check(visitor.sign_in(), "invalid_token", "another subject")
    provider.offer_userinfo({**PROFILE, "sub": "somebody-else"}, name=None)
    refusal.check(visitor.sign_in(), "invalid_token", "another subject")


@pytest.mark.parametrize("misbehave", FAILURES.values(), ids=FAILURES)
def test_a_failing_userinfo_makes_the_provider_unavailable_where_it_is_needed(
    visitor: Visitor,
    provider: OpenIDProvider,
    refusal: Refusal,
    monkeypatch: pytest.MonkeyPatch,
    misbehave: Callable[..., None],
) -> None:
    provider.offer_userinfo(PROFILE, **NOTHING)
    monkeypatch.setattr(provider, "honest_answer", _with(provider, "/userinfo"))
    misbehave(provider, "/userinfo")
    refusal.check(visitor.sign_in(), "provider_unavailable", "userinfo")


def _with(provider: OpenIDProvider, path: str) -> Any:
    honest, answer = OpenIDProvider.honest_answer, provider.answers[path]
    return lambda asked, given: answer(given) if asked == path else honest(provider, asked, given)


def test_a_failing_userinfo_keeps_nobody_out_whose_address_is_known(
    visitor: Visitor, provider: OpenIDProvider
) -> None:
    provider.offer_userinfo(PROFILE, picture=None)
    FAILURES["500"](provider, "/userinfo")
    assert user(visitor)["picture"] is None


def signed_userinfo(provider: OpenIDProvider, **claims: Any) -> None:
    provider.offer_userinfo({}, **NOTHING)
    body = provider.signed({"sub": provider.person["sub"], **PROFILE, **claims}).encode()
    provider.answers["/userinfo"] = lambda _: (200, {"Content-Type": "application/jwt; charset=utf-8"}, body)


@pytest.mark.parametrize("named", [False, True])
def test_userinfo_may_be_a_signed_token(
    visitor: Visitor,
    provider: OpenIDProvider,
    named: bool,  # noqa: FBT001
) -> None:
    signed_userinfo(provider, **({"iss": provider.issuer, "aud": CLIENT_ID} if named else {}))
    assert user(visitor)["email"] == PROFILE["email"]


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://evil.example"}, {"aud": "another"}, {"exp": 1}, {"sub": "other"}],
    ids=str,
)
def test_a_signed_userinfo_of_somebody_else_is_refused(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, claims: dict[str, Any]
) -> None:
    signed_userinfo(provider, **claims)
    refusal.check(visitor.sign_in(), "invalid_token", "")


@pytest.mark.parametrize("body", [b"", b"a.b.c", b"\xff.e.e", b"eyJhbGciOiJub25lIn0.e30."])
def test_a_userinfo_that_is_not_signed_by_the_provider_is_refused(
    visitor: Visitor, provider: OpenIDProvider, body: bytes
) -> None:
    signed_userinfo(provider)
    provider.answers["/userinfo"] = lambda _: (200, {"Content-Type": "application/jwt"}, body)
    location = visitor.sign_in().headers["location"]
    assert location in {
        f"{WEBAPP}/auth/login?error={code}" for code in ("invalid_token", "provider_unavailable")
    }


def test_without_a_usable_access_token_there_is_no_userinfo(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal
) -> None:
    for token in ("", "a\nb", "é"):
        provider.offer_userinfo(PROFILE, **NOTHING)
        provider.access_token = token
        refusal.check(visitor.sign_in(), "invalid_token", "access token")
