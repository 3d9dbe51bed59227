"""A provider that is down, lies about itself or talks nonsense: a redirect with a code, never a 500."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.identity.conftest import Refusal
from tests.identity.misbehaviour import (
    DISCOVERY,
    ENDPOINTS,
    FAILURES,
    KEYS,
    METADATA_FIELDS,
    TOKEN,
    Misbehaviour,
    begin_and_finish,
)
from tests.support.provider import Answer, OpenIDProvider, json_answer
from tests.support.service import free_port
from tests.support.visitor import Visitor

Fields = dict[str, Any]

WRONG_METADATA: dict[str, Fields] = {
    "issuer-another": {"issuer": "https://evil.example"},
    "issuer-missing": {"issuer": None},
    "issuer-list": {"issuer": ["https://evil.example"]},
    "issuer-number": {"issuer": 5},
    **{
        f"{field}-{name}": {field: value}
        for field in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        for name, value in {
            "missing": None,
            "number": 5,
            "list": ["https://evil.example"],
            "empty": "",
            "file": "file:///etc/passwd",
            "ftp": "ftp://evil.example/",
            "script": "javascript:alert(1)",
            "relative": "/token",
            "no-host": "http://",
            "no-host-but-path": "http:///token",
            "broken-host": "http://[",
            "port-zero": "http://localhost:0/",
            "backslash": "http://localhost\\@evil.example/",
            "broken-port": "http://localhost:port/",
            "line-break": "http://localhost/\r\nSet-Cookie: session=x",
            "space": "http://localhost/a b",
            "surrogate": "http://localhost/\ud800",
        }.items()
    },
}

WRONG_KEYS: dict[str, object] = {
    "missing": {},
    "null": {"keys": None},
    "none": {"keys": []},
    "number": {"keys": 5},
    "object": {"keys": {"kid": "first"}},
    "numbers": {"keys": [1, 2]},
    "empty-keys": {"keys": [{}]},
    "no-modulus": {"keys": [{"kty": "RSA", "kid": "first"}]},
    "modulus-number": {"keys": [{"kty": "RSA", "kid": "first", "n": 5, "e": 3}]},
    "modulus-garbage": {"keys": [{"kty": "RSA", "kid": "first", "n": "!", "e": "!"}]},
    "modulus-zero": {"keys": [{"kty": "RSA", "kid": "first", "n": "AA", "e": "AA"}]},
    "algorithm-object": {"keys": [{"kty": "RSA", "kid": "first", "alg": {"a": 1}}]},
    "type-object": {"keys": [{"kty": {"a": 1}, "kid": "first"}]},
    "curve-list": {"keys": [{"kty": "EC", "kid": "first", "crv": ["P-256"]}]},
    "point-off-the-curve": {
        "keys": [{"kty": "EC", "crv": "P-256", "kid": "first", "x": "A" * 43, "y": "A" * 43}]
    },
    "surrogate": {"keys": [{"kty": "RSA", "kid": "first", "n": "\ud800", "e": "AQAB"}]},
}

WRONG_TOKEN_ANSWERS: dict[str, Fields] = {
    "nothing": {},
    "no-access-token": {"id_token": "a.b.c"},
    "error": {"error": "server_error", "error_description": "\r\n<b>" * 5000},
    "error-object": {"error": {"a": 1}},
    "error-null": {"error": None},
    "error-description-list": {"error": "x", "error_description": [1]},
}

STRANGE_FIELDS: dict[str, Fields] = {
    "expires-in-text": {"expires_in": "3600"},
    "expires-in-word": {"expires_in": "soon"},
    "expires-in-null": {"expires_in": None},
    "expires-in-float": {"expires_in": 3599.5},
    "expires-in-infinite": {"expires_in": float("inf")},
    "expires-in-object": {"expires_in": {}},
    "expires-in-list": {"expires_in": []},
    "expires-in-huge": {"expires_in": 10**300},
    "scope-list": {"scope": ["openid", "email"]},
    "scope-number": {"scope": 5},
    "expires-at-object": {"expires_at": {}},
    "scope-of-lists": {"scope": [[1]]},
    "token-type-list": {"token_type": [1]},
    "token-type-missing": {"token_type": None},
    "text-of-surrogates": {"x": "\ud800"},
}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("misbehave", FAILURES.values(), ids=FAILURES)
def test_a_failing_endpoint_makes_the_provider_unavailable(
    app: Any, provider: OpenIDProvider, refusal: Refusal, misbehave: Misbehaviour, endpoint: str
) -> None:
    misbehave(provider, ENDPOINTS[endpoint])
    refusal.check(begin_and_finish(app), "provider_unavailable", "")
    assert "/elsewhere" not in provider.visits
    assert provider.visits.count(ENDPOINTS[endpoint]) == 1
    assert endpoint in refusal.causes()[0] or ENDPOINTS[endpoint] in refusal.causes()[0]


@pytest.mark.parametrize("path", [TOKEN, KEYS])
def test_a_refused_connection_makes_the_provider_unavailable(
    app: Any, provider: OpenIDProvider, refusal: Refusal, path: str
) -> None:
    provider.metadata[METADATA_FIELDS[path]] = f"http://localhost:{free_port()}{path}"
    refusal.check(begin_and_finish(app), "provider_unavailable", "refused")


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
@pytest.mark.parametrize("path", [TOKEN, KEYS])
def test_a_host_that_cannot_be_makes_the_provider_unavailable(
    app: Any, provider: OpenIDProvider, refusal: Refusal, path: str, host: str
) -> None:
    provider.metadata[METADATA_FIELDS[path]] = f"http://{host}{path}"
    refusal.check(begin_and_finish(app), "provider_unavailable", "")


def test_a_login_while_the_provider_is_away_goes_back_to_the_frontend(
    make_app: Callable[..., Any], refusal: Refusal
) -> None:
    visitor = Visitor(make_app(OIDC_ISSUER=f"http://localhost:{free_port()}"))
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", "refused")
    assert not visitor.cookies


@pytest.mark.parametrize("fields", WRONG_METADATA.values(), ids=WRONG_METADATA)
def test_metadata_that_cannot_be_used_make_the_provider_unavailable(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, fields: Fields
) -> None:
    provider.metadata |= fields
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", next(iter(fields)))


def test_keys_are_not_read_from_files(
    visitor: Visitor, provider: OpenIDProvider, refusal: Refusal, tmp_path: Path
) -> None:
    (tmp_path / "keys.json").write_bytes(json_answer(provider.key_set())[2])
    provider.metadata["jwks_uri"] = (tmp_path / "keys.json").as_uri()
    refusal.check(visitor.get("/auth/login"), "provider_unavailable", "jwks_uri")


@pytest.mark.parametrize("keys", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_keys_that_cannot_be_used_sign_nobody_in(
    app: Any, provider: OpenIDProvider, refusal: Refusal, keys: object
) -> None:
    provider.answers[KEYS] = lambda _: json_answer(keys)
    refusal.check(begin_and_finish(app), "provider_unavailable", "key")


def test_an_unusable_key_does_not_spoil_the_others(app: Any, provider: OpenIDProvider) -> None:
    keys = [*({"kty": kind, "kid": "x"} for kind in ("RSA", "EC", "?")), *provider.key_set()["keys"]]
    provider.answers[KEYS] = lambda _: json_answer({"keys": keys})
    assert "session" in begin_and_finish(app).cookies


@pytest.mark.parametrize("fields", WRONG_TOKEN_ANSWERS.values(), ids=WRONG_TOKEN_ANSWERS)
def test_token_answers_of_other_types_sign_nobody_in(
    app: Any, provider: OpenIDProvider, refusal: Refusal, fields: Fields
) -> None:
    provider.answers[TOKEN] = lambda _: json_answer(fields)
    refusal.check(begin_and_finish(app), "oauth_failed", "token endpoint")


@pytest.mark.parametrize("fields", STRANGE_FIELDS.values(), ids=STRANGE_FIELDS)
def test_fields_nobody_reads_do_no_harm(app: Any, provider: OpenIDProvider, fields: Fields) -> None:
    def strange(parameters: dict[str, str]) -> Answer:
        return json_answer(json.loads(provider.honest_answer(TOKEN, parameters)[2]) | fields)

    provider.answers[TOKEN] = strange
    assert "session" in begin_and_finish(app).cookies


@pytest.mark.parametrize("status", [201, 400, 401, 403])
def test_tokens_under_another_status_sign_nobody_in(
    app: Any, provider: OpenIDProvider, refusal: Refusal, status: int
) -> None:
    provider.answers[TOKEN] = lambda parameters: (status, *provider.honest_answer(TOKEN, parameters)[1:])
    refusal.check(begin_and_finish(app), "provider_unavailable", str(status))


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "a-new-word"])
def test_an_error_of_the_token_endpoint_is_ours_to_look_into(
    app: Any, provider: OpenIDProvider, refusal: Refusal, status: int, error: str
) -> None:
    provider.answers[TOKEN] = lambda _: json_answer({"error": error}, status)
    refusal.check(begin_and_finish(app), "oauth_failed", error)


@pytest.fixture
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.identity.providers.fetcher.RETRY_PAUSE", 0.0)


@pytest.mark.usefixtures("_no_pause")
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_provider_that_is_back_signs_people_in(
    app: Any, provider: OpenIDProvider, refusal: Refusal, endpoint: str
) -> None:
    FAILURES["500"](provider, ENDPOINTS[endpoint])
    refusal.check(begin_and_finish(app), "provider_unavailable", "500")
    provider.answers.clear()
    assert "session" in begin_and_finish(app).cookies


@pytest.mark.usefixtures("_no_pause")
def test_what_discovery_said_last_is_used_while_it_is_away(
    app: Any, provider: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "session" in begin_and_finish(app).cookies
    monkeypatch.setattr("app.identity.providers.discovery.METADATA_LIFESPAN", 0.0)
    for misbehave in FAILURES.values():
        misbehave(provider, DISCOVERY)
        assert "session" in begin_and_finish(app).cookies
    provider.answers.clear()
    provider.metadata["authorization_endpoint"] = "https://evil.example/authorize"
    provider.metadata["issuer"] = "https://evil.example"
    assert "session" in begin_and_finish(app).cookies


@pytest.mark.parametrize("endpoint", ["discovery", "keys"])
def test_a_failed_endpoint_is_left_in_peace_for_a_moment(
    app: Any, provider: OpenIDProvider, refusal: Refusal, endpoint: str
) -> None:
    FAILURES["500"](provider, ENDPOINTS[endpoint])
    for _ in range(5):
        refusal.check(begin_and_finish(app), "provider_unavailable", "500")
    assert provider.visits.count(ENDPOINTS[endpoint]) == 1
    assert "a moment ago" in refusal.causes()[-1]


USELESS = {
    "discovery-of-another": (DISCOVERY, {"issuer": "https://evil.example"}),
    "discovery-without-endpoints": (DISCOVERY, {}),
    "keys-none": (KEYS, {"keys": []}),
    "keys-unreadable": (KEYS, {"keys": [{"kty": "RSA", "kid": "first"}]}),
}


@pytest.mark.parametrize(("path", "document"), USELESS.values(), ids=USELESS)
def test_a_document_of_no_use_is_not_fetched_again_at_once(
    app: Any, provider: OpenIDProvider, refusal: Refusal, path: str, document: Fields
) -> None:
    provider.answers[path] = lambda _: json_answer(document)
    for _ in range(5):
        refusal.check(begin_and_finish(app), "provider_unavailable", path)
    assert provider.visits.count(path) == 1
    assert "a moment ago" in refusal.causes()[-1]


def test_what_discovery_says_in_error_is_not_fetched_again_at_once(
    app: Any, provider: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "session" in begin_and_finish(app).cookies
    monkeypatch.setattr("app.identity.providers.discovery.METADATA_LIFESPAN", 0.0)
    provider.metadata["issuer"] = "https://evil.example"
    for _ in range(5):
        assert "session" in begin_and_finish(app).cookies
    assert provider.visits.count(DISCOVERY) == 2


def test_discovery_is_asked_once_an_hour(app: Any, provider: OpenIDProvider) -> None:
    for _ in range(3):
        assert "session" in begin_and_finish(app).cookies
    assert provider.visits.count(DISCOVERY) == 1


def test_a_changed_key_sets_address_is_followed(
    app: Any, provider: OpenIDProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "session" in begin_and_finish(app).cookies
    monkeypatch.setattr("app.identity.providers.discovery.METADATA_LIFESPAN", 0.0)
    provider.metadata["jwks_uri"] = f"{provider.issuer}/new-keys"
    provider.answers["/new-keys"] = lambda _: json_answer(provider.key_set())
    FAILURES["500"](provider, KEYS)
    assert "session" in begin_and_finish(app).cookies
