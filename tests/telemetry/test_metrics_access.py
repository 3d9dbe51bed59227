"""Who may read the metrics, and what the others see."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from falcon.testing import Result, simulate_request

from app.web.metrics_access import MetricsAccess
from tests.support.service import Service

MakeApp = Callable[..., Any]

TOKEN = "a-token-of-monitoring"  # of this test alone
DIRECT_PEERS = ["127.0.0.1", "127.8.9.10", "10.0.0.7", "172.16.0.1", "172.31.255.254", "192.168.1.1"]
DIRECT_PEERS += ["::1", "fd00::17", "::ffff:10.0.0.7", "::ffff:127.0.0.1"]
OUTSIDE_PEERS = ["203.0.113.9", "8.8.8.8", "172.32.0.1", "192.169.0.1", "11.0.0.1", "169.254.1.1"]
OUTSIDE_PEERS += ["2001:db8::1", "fe80::1%eth0", "::ffff:8.8.8.8", "100.64.0.1", "0.0.0.0", "", "garbage"]  # noqa: S104
PROXY_HEADERS = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"]
OTHER_PROXY_HEADERS = [
    *["X-Forwarded", "X-Forwarded-By", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server"],
    *["X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Uri", "X-Forwarded-Method", "Forwarded-For"],
    *[
        "X-Forwarded-Client-Cert",
        "X-Forwarded-Tls-Client-Cert",
        "X-Original-Forwarded-For",
        "X-Original-Host",
    ],
    *["X-Original-URL", "X-Rewrite-URL", "X-Scheme", "X-Url-Scheme", "Front-End-Https", "X-Ssl-Cert"],
    *["CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Ray", "CF-Visitor", "CF-IPCountry", "CDN-Loop"],
    *[
        "True-Client-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "Client-IP",
    ],
    *[
        "Proxy-Client-IP",
        "WL-Proxy-Client-IP",
        "X-ProxyUser-Ip",
        "X-Remote-IP",
        "X-Remote-Addr",
        "Fastly-SSL",
    ],
    *["X-Azure-ClientIP", "X-Azure-SocketIP", "X-Azure-Ref", "X-Sucuri-ClientIP", "Incap-Client-IP"],
    *["X-Appengine-User-IP", "X-NF-Client-Connection-IP", "DO-Connecting-IP", "Ali-CDN-Real-IP"],
    *["CloudFront-Viewer-Address", "X-Amz-Cf-Id", "X-Amzn-Trace-Id", "X-Envoy-External-Address"],
    *["X-Envoy-Expected-Rq-Timeout-Ms", "X-Varnish", "X-Vercel-Id", "X-ARR-LOG-ID", "Surrogate-Capability"],
    *["Akamai-Origin-Hop", "Proxy-Connection", "Proxy-Authorization"],
]
SCRAPERS_HEADERS = [
    *["Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Connection", "Authorization"],
    *["Cache-Control", "Cookie", "DNT", "If-None-Match", "Origin", "Pragma", "Priority", "Range", "Referer"],
    *[
        "Sec-CH-UA",
        "Sec-CH-UA-Platform",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Sec-GPC",
        "TE",
    ],
    *[
        "Traceparent",
        "Tracestate",
        "Baggage",
        "Upgrade-Insecure-Requests",
        "X-Requested-With",
        "X-Request-ID",
    ],
    *["X-Prometheus-Scrape-Timeout-Seconds", "X-Scrape"],
]


def ask(app: Any, peer: str = "127.0.0.1", method: str = "GET", **headers: str) -> Result:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return simulate_request(app, method, "/metrics", headers=sent, remote_addr=peer)


def assert_no_such_path(app: Any, refused: Result, method: str) -> None:
    unknown = simulate_request(app, method, "/nowhere", remote_addr="203.0.113.9")
    assert refused.status_code == unknown.status_code == 404
    # An id is never the same.
    differing = {"x-request-id"}
    seen = [
        {name: value for name, value in dict(answer.headers).items() if name not in differing}
        for answer in (refused, unknown)
    ]
    assert seen[0] == seen[1]
    name = "x-request-id"
    assert refused.text.replace(refused.headers[name], unknown.headers[name]) == unknown.text


@pytest.mark.parametrize("peer", DIRECT_PEERS)
def test_without_a_token_the_own_network_may_read(peer: str) -> None:
    assert MetricsAccess(None).allows({"REMOTE_ADDR": peer})


@pytest.mark.parametrize("peer", OUTSIDE_PEERS)
def test_without_a_token_nobody_else_may(peer: str) -> None:
    assert not MetricsAccess(None).allows({"REMOTE_ADDR": peer})
    assert not MetricsAccess(None).allows({"REMOTE_ADDR": peer, "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"})


def test_a_peer_without_an_address_may_not() -> None:
    assert not MetricsAccess(None).allows({})


@pytest.mark.parametrize("header", [*PROXY_HEADERS, *OTHER_PROXY_HEADERS])
@pytest.mark.parametrize("value", ["127.0.0.1", "10.0.0.7", "for=127.0.0.1", "1.1 proxy", ""])
def test_without_a_token_whoever_came_through_a_proxy_may_not(header: str, value: str) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1", f"HTTP_{header.upper().replace('-', '_')}": value}
    assert not MetricsAccess(None).allows(environ)


@pytest.mark.parametrize("header", SCRAPERS_HEADERS)
def test_what_scrapers_and_browsers_send_by_themselves_forwards_nothing(header: str) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http"}
    assert MetricsAccess(None).allows({**environ, f"HTTP_{header.upper().replace('-', '_')}": "1"})


@pytest.mark.parametrize("peer", ["127.0.0.1", "203.0.113.9", ""])
@pytest.mark.parametrize("header", [None, *PROXY_HEADERS])
def test_with_a_token_it_alone_decides(peer: str, header: str | None) -> None:
    access = MetricsAccess(TOKEN)
    environ = {"REMOTE_ADDR": peer}
    if header:
        environ[f"HTTP_{header.upper().replace('-', '_')}"] = "203.0.113.9"
    assert access.allows({**environ, "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"})
    assert access.allows({**environ, "HTTP_AUTHORIZATION": f"bearer  {TOKEN}"})
    assert not access.allows(environ)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer \xff\xfe",
        "\x00",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer{TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f"Basic {TOKEN}",
    ],
)
def test_anything_but_the_token_is_refused(authorization: str) -> None:
    environ = {"REMOTE_ADDR": "127.0.0.1", "HTTP_AUTHORIZATION": authorization}
    assert not MetricsAccess(TOKEN).allows(environ)


@pytest.mark.parametrize("token", ["gehäuse", "ключ", "🔑", "undecodable\udcff"])
def test_a_token_may_hold_any_bytes(token: str) -> None:
    written = token.encode("utf-8", "surrogateescape").decode("latin-1")
    access = MetricsAccess(token)
    assert access.allows({"HTTP_AUTHORIZATION": f"Bearer {written}"})
    assert not access.allows({"HTTP_AUTHORIZATION": f"Bearer {written}x"})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_those_refused_see_an_unknown_path(make_app: MakeApp, method: str) -> None:
    app = make_app()
    assert_no_such_path(app, ask(app, "203.0.113.9", method), method)
    assert_no_such_path(app, ask(app, method=method, X_Forwarded_For="127.0.0.1"), method)
    guarded = make_app(METRICS_TOKEN=TOKEN)
    assert_no_such_path(guarded, ask(guarded, method=method), method)
    assert_no_such_path(guarded, ask(guarded, method=method, Authorization="Bearer wrong"), method)


@pytest.mark.parametrize("environ", [{}, {"METRICS_TOKEN": TOKEN}])
def test_head_tells_the_length_of_what_get_gives(make_app: MakeApp, environ: dict[str, str]) -> None:
    app = make_app(**environ)
    head = ask(app, method="HEAD", Authorization=f"Bearer {TOKEN}")
    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert int(head.headers["content-length"]) > 1000
    assert head.content == b""


def test_only_reading_is_answered(make_app: MakeApp) -> None:
    refused = ask(make_app(), method="POST")
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_over_a_real_socket(make_service: Callable[..., Service]) -> None:
    token = "schlüssel-🔑"  # of this test alone
    service = make_service(METRICS_TOKEN=token)
    service.wait_until_serving()
    url = f"{service.url}/metrics"

    def status(**headers: str | bytes) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(url, headers=sent, timeout=5).status_code

    assert status() == 404
    assert status(Authorization=b"Bearer wrong\xff") == 404
    assert status(Authorization=f"Bearer {token}".encode()) == 200
    assert status(Authorization=f"Bearer {token}".encode(), X_Forwarded_For="203.0.113.9") == 200


def test_over_a_real_socket_without_a_token(make_service: Callable[..., Service]) -> None:
    service = make_service()
    service.wait_until_serving()
    url = f"{service.url}/metrics"
    assert requests.get(url, timeout=5).status_code == 200
    for header in PROXY_HEADERS:
        assert requests.get(url, headers={header: "127.0.0.1"}, timeout=5).status_code == 404
