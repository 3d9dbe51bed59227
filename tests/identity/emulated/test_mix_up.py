"""One provider's code, state, issuer or token at another's callback is refused (RFC 9700, section 4.4)."""

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.identity.conftest import Refusal
from tests.identity.emulated import github as github_site
from tests.identity.emulated import microsoft as platform
from tests.identity.emulated.github import GitHub
from tests.identity.emulated.microsoft import Microsoft
from tests.support.provider import OpenIDProvider, json_answer
from tests.support.visitor import Visitor, authorize

NAMES = ["oidc", "other", "github", "microsoft"]
PAIRS = list(permutations(NAMES, 2))
OPENID = ["oidc", "other", "microsoft"]
Sites = Mapping[str, Any]


@pytest.fixture
def sites(
    provider: OpenIDProvider, other: OpenIDProvider, github: GitHub, microsoft: Microsoft
) -> dict[str, OpenIDProvider | GitHub | Microsoft]:
    return {"oidc": provider, "other": other, "github": github, "microsoft": microsoft}


@pytest.fixture
def app(sites: Sites, two: dict[str, str], make_app: Callable[..., Any]) -> Any:
    clients = github_site.CLIENT | platform.CLIENT
    return make_app(**two | clients | {"PROVIDERS": ",".join(NAMES)})


@pytest.fixture
def visitor(app: Any) -> Visitor:
    return Visitor(app)


def answer_of(visitor: Visitor, name: str) -> dict[str, str]:
    """What a provider sends to its callback."""
    path = authorize(visitor.get(f"/auth/login?provider={name}").headers["location"])
    assert urlsplit(path).path == f"/auth/callback/{name}"
    return {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}


def callback(name: str, **parameters: str) -> str:
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
    return f"/auth/callback/{name}?{query}"


def token_requests(sites: Sites) -> list[str]:
    return [
        path for site in sites.values() for path in site.visits if path.endswith(("token", "access_token"))
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_provider_signs_in_at_its_own_callback(visitor: Visitor, sites: Sites, name: str) -> None:
    assert "session" in visitor.get(callback(name, **answer_of(visitor, name))).cookies
    assert len(token_requests(sites)) == 1


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_an_answer_at_anothers_callback_is_refused_and_asks_nobody(
    visitor: Visitor, sites: Sites, refusal: Refusal, theirs: str, ours: str
) -> None:
    answer = answer_of(visitor, theirs)
    refusal.check(visitor.get(callback(ours, **answer)), "invalid_state", "")
    assert not token_requests(sites)


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_an_answer_with_a_state_for_another_is_refused_and_asks_nobody(
    visitor: Visitor, sites: Sites, refusal: Refusal, theirs: str, ours: str
) -> None:
    code, state = answer_of(visitor, theirs)["code"], answer_of(visitor, ours)["state"]
    refusal.check(visitor.get(callback(theirs, code=code, state=state)), "invalid_state", "")
    assert not token_requests(sites)


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_a_code_of_another_is_worth_nothing_where_it_is_played(
    visitor: Visitor, sites: Sites, refusal: Refusal, theirs: str, ours: str
) -> None:
    code, state = answer_of(visitor, theirs)["code"], answer_of(visitor, ours)["state"]
    refusal.check(visitor.get(callback(ours, code=code, state=state)), "oauth_failed", "")
    assert len(token_requests(sites)) == 1
    assert not [path for path in sites[theirs].visits if "token" in path]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_an_answer_that_names_another_issuer_is_refused_and_asks_nobody(
    visitor: Visitor, sites: Sites, refusal: Refusal, theirs: str, ours: str
) -> None:
    answer = answer_of(visitor, ours) | {"iss": sites[theirs].issuer}
    refusal.check(visitor.get(callback(ours, **answer)), "invalid_state", "")
    assert not token_requests(sites)


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_an_error_of_another_is_refused_too(
    visitor: Visitor, sites: Sites, refusal: Refusal, theirs: str, ours: str
) -> None:
    error = {"error": "access_denied", "iss": sites[theirs].issuer}
    state = answer_of(visitor, ours)["state"]
    refusal.check(visitor.get(callback(ours, state=state, **error)), "invalid_state", "issuer")
    state = answer_of(visitor, theirs)["state"]
    refusal.check(visitor.get(callback(ours, state=state, **error)), "invalid_state", "")


@pytest.mark.parametrize(("theirs", "ours"), list(permutations(OPENID, 2)))
def test_an_id_token_of_another_is_refused(
    visitor: Visitor, sites: Sites, refusal: Refusal, theirs: str, ours: str
) -> None:
    """As a provider in league with the attacker would give it, with the right nonce."""
    asked = parse_qs(urlsplit(visitor.get(f"/auth/login?provider={ours}").headers["location"]).query)
    id_token = their_id_token(sites[theirs], client_id=asked["client_id"][0], nonce=asked["nonce"][0])
    site = sites[ours]
    path = site.token_path if isinstance(site, Microsoft) else "/token"
    site.answers[path] = lambda _: json_answer(
        {"access_token": "x", "token_type": "Bearer", "id_token": id_token}
    )
    answer = visitor.get(callback(ours, code="any", state=asked["state"][0]))
    refusal.check(answer, "invalid_token", "")


def their_id_token(site: OpenIDProvider | Microsoft, *, client_id: str, nonce: str) -> str:
    claims = {"aud": client_id, "iat": 1, "exp": 2**33, "nonce": nonce, **site.person}
    if isinstance(site, Microsoft):
        issuer = f"{site.issuer}/{site.tid}/v2.0"
        return site.signed(claims | {"iss": issuer, "tid": site.tid, "ver": "2.0"})
    return site.signed(claims | {"iss": site.issuer})


@pytest.mark.parametrize("theirs", OPENID)
def test_tokens_of_another_say_nothing_to_github(visitor: Visitor, sites: Sites, theirs: str) -> None:
    asked = parse_qs(urlsplit(visitor.get("/auth/login?provider=github").headers["location"]).query)
    token = their_id_token(sites[theirs], client_id=asked["client_id"][0], nonce="any")
    tokens = {"access_token": token, "token_type": "bearer", "id_token": token}
    sites["github"].answers[github_site.TOKEN] = lambda _: json_answer(tokens)
    result = visitor.get(callback("github", code="any", state=asked["state"][0]))
    assert "error=" in result.headers["location"]
    assert "session" not in result.cookies


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", ["/auth/callback", "/auth/callback/nobody", "/auth/callback/OIDC"])
def test_a_callback_without_a_known_name_asks_nobody(
    visitor: Visitor, sites: Sites, refusal: Refusal, name: str, path: str
) -> None:
    answer = answer_of(visitor, name)
    result = visitor.get(callback("x", **answer).replace("/auth/callback/x", path))
    refusal.check(result, "invalid_state", "")
    assert not token_requests(sites)
