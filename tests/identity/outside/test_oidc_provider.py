"""npm's oidc-provider, which is certified, signs people in as it comes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.conftest import WEBAPP
from tests.identity.conftest import Refusal
from tests.identity.outside.node_provider import running
from tests.identity.outside.pages import PersonAtProvider, path_of
from tests.support.visitor import Visitor

pytestmark = pytest.mark.full

CALLBACK = "http://localhost:3000/auth/callback/certified"
CLIENT = {"client_id": "connected backend", "client_secret": "a secret with: reserved/characters%2B+"}
PUSHED_REQUESTS = {
    "par-off": {"enabled": False},
    "par-on": {"enabled": True},
    "par-required": {"enabled": True, "requirePushedAuthorizationRequests": True},
}
PUBLIC_KEY = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
Start = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def start(npm_folder: Path) -> Start:
    """Starts the provider; arguments are the client's metadata, `configuration` is the provider's."""

    def start(*, configuration: object = None, **client: object) -> AbstractContextManager[str]:
        registered = {**CLIENT, "redirect_uris": [CALLBACK], **client}
        return running("oidc_provider.js", npm_folder, client=registered, configuration=configuration or {})

    return start


@pytest.fixture
def visit(make_app: Callable[..., Any]) -> Callable[..., Visitor]:
    """Somebody at a service with this provider alone."""

    def visit(issuer: str, **environ: str) -> Visitor:
        settings = {
            "PROVIDERS": "certified",
            "CERTIFIED_ISSUER": issuer,
            "CERTIFIED_CLIENT_ID": CLIENT["client_id"],
            "CERTIFIED_CLIENT_SECRET": CLIENT["client_secret"],
        }
        return Visitor(make_app(**settings | environ), origin=WEBAPP)

    return visit


def assert_signs_in(visitor: Visitor, person: PersonAtProvider) -> None:
    answer = person.sign_in(visitor)
    assert answer.headers["location"] == f"{WEBAPP}/auth/register"
    assert visitor.post("/auth/register").status_code == 201
    user = visitor.get("/auth/user").json
    assert (user["email"], user["name"]) == ("ada@example.com", "Ada Lovelace")


def test_it_signs_people_in_with_its_defaults(
    start: Start, visit: Callable[..., Visitor], person: PersonAtProvider
) -> None:
    with start() as issuer:
        assert_signs_in(visit(issuer), person)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "client_secret_jwt"])
@pytest.mark.parametrize("pushed_requests", PUSHED_REQUESTS.values(), ids=PUSHED_REQUESTS)
def test_clients_with_a_secret_authenticate_as_they_are_registered(
    start: Start,
    visit: Callable[..., Visitor],
    person: PersonAtProvider,
    method: str,
    pushed_requests: dict[str, bool],
) -> None:
    features = {"pushedAuthorizationRequests": pushed_requests}
    with start(configuration={"features": features}, token_endpoint_auth_method=method) as issuer:
        visitor = visit(issuer)
        assert_signs_in(visitor, person)
        # What the first time has found out, the second knows.
        visitor.post("/auth/logout")
        assert person.sign_in(visitor).headers["location"] == f"{WEBAPP}/dashboard"


@pytest.mark.parametrize("method", ["none", "private_key_jwt"])
def test_clients_without_a_secret_end_at_the_frontend(
    start: Start, visit: Callable[..., Visitor], person: PersonAtProvider, refusal: Refusal, method: str
) -> None:
    keys = {"jwks": {"keys": [PUBLIC_KEY]}} if method == "private_key_jwt" else {}
    with start(token_endpoint_auth_method=method, **keys) as issuer:
        answer = person.sign_in(visit(issuer))
    refusal.check(answer, "oauth_failed", "invalid_client")


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("userinfo", ["json", "jwt"])
def test_id_tokens_and_userinfo_may_be_signed_with_each_algorithm(
    start: Start,
    visit: Callable[..., Visitor],
    person: PersonAtProvider,
    algorithm: str,
    userinfo: str,
) -> None:
    client = {"id_token_signed_response_alg": algorithm}
    if userinfo == "jwt":
        client["userinfo_signed_response_alg"] = algorithm
    features = {"jwtUserinfo": {"enabled": userinfo == "jwt"}}
    with start(configuration={"features": features}, **client) as issuer:
        assert_signs_in(visit(issuer), person)


def test_a_provider_that_keeps_the_claims_in_the_id_token_is_not_asked_for_userinfo(
    start: Start, visit: Callable[..., Visitor], person: PersonAtProvider
) -> None:
    features = {"userinfo": {"enabled": False}}
    with start(configuration={"conformIdTokenClaims": False, "features": features}) as issuer:
        assert_signs_in(visit(issuer), person)


def test_a_client_that_alone_must_push_its_requests_ends_at_the_frontend(
    start: Start, visit: Callable[..., Visitor], person: PersonAtProvider, refusal: Refusal
) -> None:
    """Discovery does not tell that, as it is about all clients."""
    with start(require_pushed_authorization_requests=True) as issuer:
        answer = person.sign_in(visit(issuer))
    refusal.check(answer, "oauth_failed", "invalid_request")


def test_whom_another_site_sends_signs_in_too(
    start: Start, visit: Callable[..., Visitor], person: PersonAtProvider
) -> None:
    """It refuses `prompt=select_account`, and does not say which values it knows."""
    with start() as issuer:
        visitor = visit(issuer)
        login = visitor.get("/auth/login", headers={"Sec-Fetch-Site": "cross-site"})
        callback = person.go_through(login.headers["location"])
        assert visitor.get(path_of(callback)).headers["location"] == f"{WEBAPP}/auth/register"


def test_a_person_who_denies_is_told_so(
    start: Start, visit: Callable[..., Visitor], refusal: Refusal
) -> None:
    with start() as issuer:
        visitor = visit(issuer)
        person = PersonAtProvider(denies=True)
        answer = person.sign_in(visitor)
        person.close()
    refusal.check(answer, "access_denied", "access_denied")
