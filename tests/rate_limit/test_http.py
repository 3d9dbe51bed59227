"""What the limits look like over HTTP: who spends what, and what the answers say."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from falcon.testing import Result

from tests.conftest import WEBAPP
from tests.support.visitor import Visitor

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
DEFAULTS = {"RATE_LIMIT": "", "RATE_LIMIT_NOT_FOUND": "", "RATE_LIMIT_SIGN_IN": ""}
TOKEN = "a-token-of-monitoring"  # of this test alone
PREFLIGHT = {"Origin": WEBAPP, "Access-Control-Request-Method": "GET"}

MakeApp = Callable[..., Any]


@pytest.fixture
def limited(make_app: MakeApp) -> Visitor:
    """With the limits that the service has by itself."""
    return Visitor(make_app(**DEFAULTS))


@pytest.fixture
def exhausted(make_app: MakeApp) -> Visitor:
    """Somebody who may ask nothing for a quarter of an hour."""
    visitor = Visitor(make_app(RATE_LIMIT="2/30minutes"))
    assert [visitor.get("/").status_code for _ in range(2)] == [200, 200]
    return visitor


def limits(result: Result) -> tuple[str | None, str | None]:
    return result.headers.get("ratelimit-policy"), result.headers.get("ratelimit")


def test_an_answer_says_what_is_left_and_when_all_is_back(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATE_LIMIT="200/hour"))
    for _ in range(12):
        visitor.get("/")
    # 13 requests at 18 s each, less what has passed already.
    assert limits(visitor.get("/")) == ('"default";q=200;w=3600', '"default";r=187;t=234')


def test_by_itself_the_service_admits_200_a_minute(limited: Visitor) -> None:
    assert limits(limited.get("/")) == ('"default";q=200;w=60', '"default";r=199;t=1')
    statuses = [limited.get("/").status_code for _ in range(250)]
    assert set(statuses) == {200, 429}
    assert statuses.index(429) >= 199


def test_unknown_paths_spend_their_own_limit_too(limited: Visitor) -> None:
    answers = [limited.get(f"/nowhere/{number}") for number in range(11)]
    assert [answer.status_code for answer in answers] == [404] * 10 + [429]
    assert limits(answers[0]) == (
        '"default";q=200;w=60, "not-found";q=10;w=60',
        '"default";r=199;t=1, "not-found";r=9;t=6',
    )
    policies, standing = limits(answers[10])
    assert policies == '"default";q=200;w=60, "not-found";q=10;w=60'
    assert (standing, answers[10].headers["retry-after"]) == ('"not-found";r=0;t=6', "6")
    assert limited.get("/").status_code == 200


def test_beginning_to_sign_in_spends_its_own_limit_too(limited: Visitor) -> None:
    answers = [limited.get("/auth/login") for _ in range(31)]
    assert [answer.status_code for answer in answers] == [302] * 30 + [429]
    assert limits(answers[0])[0] == '"default";q=200;w=60, "sign-in";q=30;w=900'
    assert limits(answers[30])[1] == '"sign-in";r=0;t=30'
    assert answers[30].headers["retry-after"] == "30"
    # Who only asks wrongly begins nothing.
    assert limited.post("/auth/login", headers={"Origin": WEBAPP}).status_code == 405


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"}),
        ("GET", {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}),
        ("GET", {"Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch;prerender"}),
        ("HEAD", {}),
    ],
)
def test_what_is_no_navigation_leaves_the_sign_in_limit_alone(
    limited: Visitor, method: str, headers: dict[str, str]
) -> None:
    answers = [limited.request(method, "/auth/login", headers=headers) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {400}
    assert limits(answers[19]) == ('"default";q=200;w=60', '"default";r=180;t=6')
    assert [limited.get("/auth/login").status_code for _ in range(31)] == [302] * 30 + [429]


def test_what_is_no_navigation_still_spends_the_default_limit(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATE_LIMIT="3/hour"))
    image = {"Sec-Fetch-Dest": "image"}
    statuses = [visitor.get("/auth/login", headers=image).status_code for _ in range(4)]
    assert statuses == [400, 400, 400, 429]


def test_a_refused_request_costs_nothing(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATE_LIMIT="5/hour", RATE_LIMIT_NOT_FOUND="2/hour"))
    statuses = [visitor.get("/nowhere").status_code for _ in range(20)]
    assert statuses == [404, 404] + [429] * 18
    assert [visitor.get("/").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_request_that_two_limits_refuse_is_told_the_longer_wait(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATE_LIMIT="2/minute", RATE_LIMIT_NOT_FOUND="2/hour"))
    refused = [visitor.get("/nowhere") for _ in range(3)][2]
    assert limits(refused)[1] == '"default";r=0;t=30, "not-found";r=0;t=1800'
    assert refused.headers["retry-after"] == "1800"


def test_a_refusal_is_a_problem_of_the_agreed_type(exhausted: Visitor) -> None:
    refused = exhausted.get("/", headers={"X-Request-ID": "abc"})
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json == {
        "type": QUOTA_EXCEEDED,
        "title": "Request cannot be satisfied as assigned quota has been exceeded",
        "status": 429,
        "detail": "Rate limit exceeded. Please try again later.",
        "code": "rate_limited",
        "request_id": "abc",
    }


def test_a_refusal_carries_security_and_cors_headers(exhausted: Visitor) -> None:
    headers = exhausted.get("/auth/session", headers={"Origin": WEBAPP}).headers
    assert headers["retry-after"] == "900"
    assert headers["access-control-allow-origin"] == WEBAPP
    assert headers["vary"] == "Origin"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("POST", "/", 405), ("BREW", "/", 405), ("GET", "/auth/user", 401)],
)
def test_errors_say_what_is_left_too(visitor: Visitor, method: str, path: str, status: int) -> None:
    result = visitor.request(method, path)
    assert result.status_code == status
    assert '"default";r=' in (limits(result)[1] or "")


def test_so_does_an_unexpected_error(visitor: Visitor, connection: psycopg.Connection[Any]) -> None:
    visitor.sign_in()
    connection.execute("ALTER TABLE sessions RENAME TO elsewhere")
    result = visitor.get("/auth/session")
    assert result.status_code == 500
    assert '"default";r=' in (limits(result)[1] or "")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/health", {}),
        ("HEAD", "/health", {}),
        ("GET", "/health/ready", {}),
        ("OPTIONS", "/auth/session", PREFLIGHT),
        ("OPTIONS", "/nowhere", PREFLIGHT),
    ],
)
def test_probes_and_preflights_are_free(
    exhausted: Visitor, method: str, path: str, headers: dict[str, str]
) -> None:
    result = exhausted.request(method, path, headers=headers)
    assert result.status_code in {200, 204}
    assert limits(result) == (None, None)
    assert exhausted.get("/").status_code == 429


def test_a_token_of_the_metrics_is_guessed_no_more_often_than_unknown_paths_are(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(**DEFAULTS, METRICS_TOKEN=TOKEN))
    right = {"Authorization": f"Bearer {TOKEN}"}
    for _ in range(20):
        read = visitor.get("/metrics", headers=right)
        assert (read.status_code, limits(read)) == (200, (None, None))
    wrong = [visitor.get("/metrics", headers={"Authorization": f"Bearer {number}"}) for number in range(11)]
    assert [answer.status_code for answer in wrong] == [404] * 10 + [429]
    # Else the eleventh guess would tell as much as the first.
    assert visitor.get("/metrics", headers=right).status_code == 429
    assert visitor.get("/nowhere").status_code == 429
    assert visitor.get("/").status_code == 200


def test_who_may_not_read_the_metrics_spends_what_an_unknown_path_does(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(**DEFAULTS))
    outside = {"X-Forwarded-For": "203.0.113.9"}
    answers = [visitor.get("/metrics", headers=outside) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [404] * 10 + [429]
    assert limits(answers[0]) == (
        '"default";q=200;w=60, "not-found";q=10;w=60',
        '"default";r=199;t=1, "not-found";r=9;t=6',
    )
    assert visitor.get("/metrics").status_code == 200


@pytest.mark.parametrize("left_out", ["Origin", "Access-Control-Request-Method"])
def test_other_options_requests_are_not(exhausted: Visitor, left_out: str) -> None:
    headers = {name: value for name, value in PREFLIGHT.items() if name != left_out}
    assert exhausted.request("OPTIONS", "/", headers=headers).status_code == 429


def test_a_refused_origin_spends(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(RATE_LIMIT="3/hour"))
    answers = [visitor.get("/auth/session", headers={"Origin": "https://evil.example"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [403, 403, 403, 429]


@pytest.mark.parametrize(("app_env", "status"), [("development", 200), ("test", 429)])
def test_loopback_is_free_in_development_alone(make_app: MakeApp, app_env: str, status: int) -> None:
    visitor = Visitor(make_app(APP_ENV=app_env, RATE_LIMIT="1/hour"))
    visitor.get("/")
    assert visitor.get("/").status_code == status


def test_in_development_others_have_limits(make_app: MakeApp) -> None:
    visitor = Visitor(make_app(APP_ENV="development", RATE_LIMIT="1/hour"))
    from_elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    assert [visitor.get("/", headers=from_elsewhere).status_code for _ in range(2)] == [200, 429]


def test_a_refused_request_does_not_reach_the_database(
    make_app: MakeApp, connection: psycopg.Connection[Any]
) -> None:
    visitor = Visitor(make_app(RATE_LIMIT="2/hour"))
    visitor.sign_in()
    with connection.transaction():
        # Whoever asked for a session would wait here for seconds, and be answered 503.
        connection.execute("LOCK TABLE sessions, users IN ACCESS EXCLUSIVE MODE")
        assert visitor.get("/auth/session").status_code == 429
