"""A protected host, the service and the people before them, all under example.test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from tests.forward_auth.page import DOMAIN, block, entry_point_option, only, replaced
from tests.support.caddy import Caddy
from tests.support.https_client import HTTPSClient
from tests.support.live_session import insert_live_session
from tests.support.nginx import Nginx
from tests.support.outside_server import OutsideServer
from tests.support.pages import Block
from tests.support.service import Service, free_port
from tests.support.tls import CertificateAuthority
from tests.support.traefik import ENTRY_POINT, Traefik, labels_as_a_tree

API = f"https://api.{DOMAIN}"
APP = f"https://app.{DOMAIN}"
FILES = f"https://files.{DOMAIN}"
BOOKS = f"https://books.{DOMAIN}"
SETTINGS = {
    "API_URL": API,
    "WEBAPP_URL": APP,
    "COOKIE_DOMAIN": DOMAIN,
    "REGISTRATION": "automatic",
    "WEB_CONCURRENCY": "1",
}
NAME_THE_LATEST = """
    UPDATE users SET name = %s
    WHERE id = (SELECT user_id FROM sessions ORDER BY created_at DESC LIMIT 1)
    RETURNING id, email
"""
RULE = "groups=finance"
"""Of BOOKS, on the page."""
OPEN_HOSTS = ("app", "hostile")
"""Sibling hosts that the application serves without anybody asking the service."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody registered and signed in."""

    user_id: str
    email: str
    token: str

    @property
    def cookie(self) -> tuple[str, str]:
        return "Cookie", f"__Secure-session={self.token}"


@dataclass(frozen=True, slots=True)
class Site:
    """A proxy, and what is behind it; `port` is the proxy's, `application` the other's."""

    client: HTTPSClient
    service: Service
    database_url: str
    port: int
    application: int

    def sign_in(self, *, name: str | None = "Ada Lovelace", groups: Sequence[str] = ("staff",)) -> Person:
        """Somebody new, with a session that was put into the database."""
        token = insert_live_session(self.database_url, groups=groups)["Cookie"].partition("=")[2]
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row: Any = connection.execute(NAME_THE_LATEST, [name]).fetchone()
        return Person(str(row[0]), row[1], token)


def addresses(*, service: int, application: int) -> dict[str, str]:
    """The page's addresses, and those of the tests in their place."""
    return {
        "backend:3000": f"127.0.0.1:{service}",
        "files:8080": f"127.0.0.1:{application}",
        "books:8080": f"127.0.0.1:{application}",
    }


def start_caddy(
    certificate: Path, folder: Path, *, service: int, application: int, rule: str = RULE
) -> OutsideServer:
    changes = {RULE: rule, **addresses(service=service, application=application)}
    protected = replaced(block("caddyfile"), changes)
    others = [f"{name}.{DOMAIN} {{\nreverse_proxy 127.0.0.1:{application}\n}}" for name in OPEN_HOSTS]
    api = f"api.{DOMAIN} {{\nreverse_proxy 127.0.0.1:{service}\n}}"
    return Caddy("\n".join([protected, api, *others]), certificates=[certificate], folder=folder)


def start_nginx(
    certificate: Path, folder: Path, *, service: int, application: int, rule: str = RULE, before: str = ""
) -> OutsideServer:
    """As the page configures it; `before` comes first inside `http`, with `LISTEN` and `TLS` filled in."""
    port = free_port()
    listen = f"listen 127.0.0.1:{port} ssl;"
    tls = f"ssl_certificate {certificate}; ssl_certificate_key {certificate};"
    protected = replaced(
        block("nginx"),
        {
            "listen 443 ssl;": listen,
            f"/etc/ssl/{DOMAIN}.pem": str(certificate),
            f"/etc/ssl/{DOMAIN}.key": str(certificate),
            RULE: rule,
            **addresses(service=service, application=application),
        },
    )

    def open_host(name: str, upstream: int) -> str:
        location = f"location / {{ proxy_pass http://127.0.0.1:{upstream}; }}"
        return f"server {{ {listen} {tls} server_name {name}.{DOMAIN}; {location} }}"

    others = [open_host("api", service), *(open_host(name, application) for name in OPEN_HOSTS)]
    first = before.replace("LISTEN", listen).replace("TLS", tls)
    return Nginx("\n".join([first, protected, *others]), port=port, folder=folder)


def start_traefik(
    certificate: Path,
    folder: Path,
    *,
    service: int,
    application: int,
    rule: str = RULE,
    left: Sequence[str] = (),
    options: Sequence[str] = (entry_point_option(),),
) -> OutsideServer:
    """As the page's file and labels configure it; Coolify writes the rest of a router and the service.

    `left`: the headers that `without-credentials` leaves alone; `options`: the page's, of the command line.
    """
    changes = {RULE: rule, "backend:3000": f"127.0.0.1:{service}"}
    http = yaml.safe_load(replaced(block("yaml"), changes))["http"]
    labels = labels_as_a_tree(block("properties"))["routers"]
    chains = {
        host: labels[f"https-0-{host.upper()}"]["middlewares"].split(",") for host in ("files", "books")
    }
    for name in left:
        del http["middlewares"]["without-credentials"]["headers"]["customRequestHeaders"][name]
    http["middlewares"]["gzip"] = {"compress": {}}
    http["services"] = {
        name: {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{port}"}]}}
        for name, port in {"service": service, "application": application}.items()
    }
    http["routers"] = {
        host: {
            "rule": f"Host(`{host}.{DOMAIN}`)",
            "entryPoints": [ENTRY_POINT],
            "service": "service" if host == "api" else "application",
            "middlewares": chains.get(host, []),
            "tls": {},
        }
        for host in ("api", *OPEN_HOSTS, *chains)
    }
    return Traefik(
        http, host=f"{OPEN_HOSTS[0]}.{DOMAIN}", certificate=certificate, folder=folder, options=options
    )


@dataclass(frozen=True, slots=True)
class Proxy:
    """One that the page configures: `start` takes the certificate, a folder, and the ports behind it."""

    block: Block
    start: Callable[..., OutsideServer]


PROXIES = {
    "caddy": Proxy(only("caddyfile"), start_caddy),
    "nginx": Proxy(only("nginx"), start_nginx),
    "traefik": Proxy(only("yaml"), start_traefik),
}


def behind(*names: str) -> pytest.MarkDecorator:
    """The fixture `site` is behind these proxies alone."""
    return pytest.mark.parametrize(
        "site", [(name, PROXIES[name]) for name in names], indirect=True, ids=names
    )


def client_of(server: OutsideServer, authority: CertificateAuthority) -> HTTPSClient:
    return HTTPSClient(server.port, authority.client_context())
