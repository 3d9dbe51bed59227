"""The composition root: every object of a worker process is made and connected here."""

import atexit
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import falcon
from falcon.routing import CompiledRouter
from prometheus_client import CollectorRegistry

from app.accounts.accounts import Accounts
from app.accounts.api_tokens import APITokens
from app.accounts.credentials import Keyring
from app.accounts.sessions import Sessions
from app.database.pool import Database
from app.database.queries import Queries
from app.database.readiness import ReadinessProbe
from app.identity.attempt import AttemptSigner
from app.identity.conversation import Conversation
from app.identity.provider import Provider
from app.middleware.bearer import BearerMiddleware
from app.middleware.body_limit import BodyLimitMiddleware
from app.middleware.cors import CORSMiddleware
from app.middleware.cross_site import CrossSiteMiddleware
from app.middleware.identity_headers import IdentityHeadersMiddleware
from app.middleware.last_resort import LastResortMiddleware
from app.middleware.method import MethodMiddleware
from app.middleware.metrics import MetricsMiddleware
from app.middleware.rate_limit import RateLimitMiddleware
from app.middleware.request_id import RequestIDMiddleware
from app.middleware.request_log import JSONLines, RequestLogMiddleware, log_record
from app.middleware.route import RouteMiddleware
from app.middleware.security_headers import SecurityHeadersMiddleware, security_headers
from app.migrations.script.files import load_migrations
from app.openapi.document import openapi_document
from app.openapi.page import load_page
from app.rate_limit.limiter import Limiter, make_limiter
from app.rate_limit.shared_memory import inherited_memory
from app.resources.callback import CallbackResource
from app.resources.docs import DescriptionResource, DocsAssetResource, DocsResource
from app.resources.health import HealthResource, ReadyResource
from app.resources.login import LoginResource
from app.resources.logout import LogoutResource
from app.resources.metrics import MetricsResource
from app.resources.register import RegisterResource
from app.resources.root import RootResource
from app.resources.session import SessionResource
from app.resources.sessions import OwnSessionResource, RevokeOthersResource, SessionsResource
from app.resources.tokens import TokenResource, TokensResource
from app.resources.user import UserResource
from app.resources.verify import VerifyResource
from app.server.lifecycle import Lifecycle
from app.settings.config import Config
from app.settings.load import load_config
from app.settings.places import MIGRATIONS_FOLDER, version
from app.telemetry import logs
from app.telemetry.exporters import Extras
from app.telemetry.log_writer import LogWriter
from app.telemetry.metrics import Metrics
from app.telemetry.metrics_slots import FOLDER_VARIABLE, shared_registry
from app.web.authentication import Authentication
from app.web.client_address import ClientAddressFinder
from app.web.cookies import CookiePolicy
from app.web.metrics_access import MetricsAccess
from app.web.problems import add_error_handlers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Service:
    """What gunicorn serves: the WSGI application, and what the hooks of its worker need."""

    def __init__(
        self,
        app: "WSGIApplication",
        database: Database,
        limiter: Limiter,
        lifecycle: Lifecycle,
        metrics: Metrics,
        headers: Mapping[str, str],
        extras: Extras,
    ) -> None:
        self._app = extras.around(app)
        self._extras = extras
        self._database = database
        self._limiter = limiter
        self.lifecycle = lifecycle
        self.metrics = metrics
        self.security_headers = headers

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._app(environ, start_response)

    def close(self) -> None:
        """Gives the database its connections back, and Redis; hands over errors and traces that wait."""
        self._database.close()
        self._limiter.store.close()
        self._extras.close()


def create_app(
    config: Config,
    database: Database,
    lifecycle: Lifecycle,
    metrics: Metrics,
    limiter: Limiter,
    *,
    log_request: Callable[[Mapping[str, object]], None] = log_record,
) -> "WSGIApplication":
    """The application over its collaborators; reads no environment and opens nothing."""
    queries = Queries(database)
    keyring = Keyring(config.session_secret, config.session_secret_previous)
    is_secure = config.api_url.startswith("https://")
    cookies = CookiePolicy(is_secure=is_secure, domain=config.cookie_domain)
    sessions = Sessions(queries, keyring, registration_is_open=config.registration != "closed")
    tokens = APITokens(queries)
    authentication = Authentication(sessions, tokens, cookies, metrics)
    signer = AttemptSigner(keyring)
    conversation = Conversation(
        Provider(config.oidc_issuer),
        client_id=config.client_id,
        client_secret=config.client_secret,
        redirect_uri=f"{config.api_url}/auth/callback",
        allowed_email_domains=config.allowed_email_domains,
    )
    versions = frozenset(migration.version for migration in load_migrations(MIGRATIONS_FOLDER))
    readiness = ReadinessProbe(queries, versions, lifecycle, metrics)

    # The order is the order of refusal; what is sent back passes them all in reverse, whoever refused. The
    # route comes first, as limits go by it. Limits come before the other refusals, which must not be free.
    # Origins come before the cross-site check, which relies on it.
    headers = security_headers(hsts=config.is_hardened)
    router = CompiledRouter()
    middleware: list[Any] = [
        RouteMiddleware(router),
        SecurityHeadersMiddleware(headers),
        IdentityHeadersMiddleware(),
        RateLimitMiddleware(limiter, metrics, exempts_loopback=config.app_env == "development"),
        CORSMiddleware(config.allowed_origins | {config.own_origin}),
        CrossSiteMiddleware(),
        BearerMiddleware(),
        BodyLimitMiddleware(),
    ]
    app = falcon.App(middleware=middleware, router=router)
    # One encoder for all answers; json.dumps would make one for each.
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = falcon.media.JSONHandler(dumps=encoder.encode)
    add_error_handlers(app, metrics, webapp_url=config.webapp_url)

    app.add_route("/", RootResource())
    app.add_route("/health", HealthResource())
    app.add_route("/health/ready", ReadyResource(readiness))
    app.add_route(
        "/metrics", MetricsResource(metrics.registry, MetricsAccess(config.metrics_token), readiness)
    )
    page = load_page()
    document = openapi_document(
        api_url=config.api_url,
        session_cookie=cookies.session_name,
        version=version(),
        docs_version=page.version,
    )
    app.add_route("/openapi.json", DescriptionResource(document))
    app.add_route("/docs", DocsResource(page))
    app.add_route("/docs/{version}/{asset}", DocsAssetResource(page))
    app.add_route("/auth/login", LoginResource(conversation, signer, cookies))
    app.add_route(
        "/auth/callback",
        CallbackResource(
            conversation,
            signer,
            sessions,
            queries,
            cookies,
            metrics,
            webapp_url=config.webapp_url,
            registration=config.registration,
        ),
    )
    app.add_route("/auth/session", SessionResource(authentication))
    app.add_route("/auth/sessions", SessionsResource(authentication, sessions))
    app.add_route("/auth/sessions/{session_id}", OwnSessionResource(authentication, sessions, cookies))
    app.add_route("/auth/sessions/revoke-others", RevokeOthersResource(authentication, sessions))
    app.add_route("/auth/user", UserResource(authentication, Accounts(queries), cookies))
    app.add_route(
        "/auth/verify",
        VerifyResource(authentication, api_url=config.api_url, cookie_domain=config.cookie_domain),
    )
    app.add_route("/auth/tokens", TokensResource(authentication, tokens))
    app.add_route("/auth/tokens/{token_id}", TokenResource(authentication, tokens))
    app.add_route("/auth/register", RegisterResource(authentication, sessions, cookies))
    app.add_route("/auth/logout", LogoutResource(sessions, cookies))
    # WSGI layers, the outermost last: what they see includes all that Falcon does.
    answered = LastResortMiddleware(MethodMiddleware(app), headers)
    measured = MetricsMiddleware(answered, metrics)
    addresses = ClientAddressFinder(config.trusted_proxies)
    logged = RequestLogMiddleware(measured, addresses=addresses, log=log_request)
    return RequestIDMiddleware(logged)


def get_app() -> Service:
    """What a gunicorn worker loads, after fork: reads the environment and opens the database pool."""
    config = load_config(os.environ)
    metrics = _make_metrics(os.environ.get(FOLDER_VARIABLE), threads=config.web_threads)
    writer = _log_writer(metrics)
    logs.configure(config.log_format, config.log_level, writer)
    if not config.is_hardened:
        # oauthlib's own switch for providers on plain http, which Config refuses elsewhere.
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    database = Database(
        config.database_url,
        metrics,
        pool_max=config.db_pool_max,
        through_pooler=config.goes_through_pooler,
    )
    database.open()
    lifecycle = Lifecycle()
    limiter = make_limiter(config, inherited_memory(), metrics)
    headers = security_headers(hsts=config.is_hardened)
    log_request = JSONLines(writer) if writer and config.log_format == "json" else log_record
    app = create_app(config, database, lifecycle, metrics, limiter, log_request=log_request)
    return Service(app, database, limiter, lifecycle, metrics, headers, Extras(config))


def _log_writer(metrics: Metrics) -> LogWriter | None:
    if sys.stdout is None:
        return None
    writer = LogWriter(sys.stdout.fileno(), metrics.log_lines_dropped.inc)
    # However the process ends; gunicorn's own last words come after its hooks.
    atexit.register(writer.close)
    return writer


def _make_metrics(folder: str | None, *, threads: int) -> Metrics:
    """This worker's metrics, shared through gunicorn_conf's folder; its own under another server."""
    if folder:
        metrics = Metrics(shared_registry(Path(folder)), is_shared=True)
    else:
        metrics = Metrics(CollectorRegistry())
    metrics.build_info.labels(version()).set(1)
    metrics.worker_processes.set(1)
    metrics.worker_threads.set(threads)
    metrics.worker_starts.inc()
    return metrics
