"""Which resource answers which path, and the services that the resources share."""

import threading
from collections.abc import Mapping

from app.accounts.access_tokens import AccessTokens
from app.accounts.accounts import Accounts
from app.accounts.admission import Admission
from app.accounts.api_tokens import APITokens
from app.accounts.credentials import Keyring
from app.accounts.identities import Identities
from app.accounts.registration import Registration
from app.accounts.sessions import Sessions
from app.accounts.signing_keys import SigningKey, signing_key
from app.database.identity_queries import IdentityQueries
from app.database.pool import Database
from app.database.queries import Queries
from app.database.readiness import ReadinessProbe
from app.identity.attempt import AttemptSigner
from app.identity.registry import Providers
from app.migrations.script.folder import find_versions
from app.openapi.document import openapi_document
from app.openapi.page import load_page
from app.resources.access_tokens import AccessTokenResource, AuthorizationServerResource, KeySetResource
from app.resources.account import RegisterResource, UserResource
from app.resources.callback import CallbackResource, NamelessCallbackResource
from app.resources.docs import DescriptionResource, DocsAssetResource, DocsResource
from app.resources.forward_auth.verify import VerifyResource
from app.resources.identities import IdentitiesResource, OwnIdentityResource
from app.resources.login import LoginResource, ProvidersResource
from app.resources.logout import BackchannelLogoutResource, LogoutResource
from app.resources.monitoring import HealthResource, MetricsResource, ReadyResource, RootResource
from app.resources.sessions import (
    OwnSessionResource,
    RevokeOthersResource,
    SessionResource,
    SessionsResource,
)
from app.resources.tokens import TokenResource, TokensResource
from app.settings.config import Config
from app.settings.parsers import origin_of
from app.settings.places import MIGRATIONS_FOLDER, version
from app.telemetry.metrics import Metrics
from app.waiting.bulkhead import Bulkhead
from app.waiting.hub import Hub
from app.web import paths
from app.web.attempts import AttemptCookies
from app.web.authentication import Authentication
from app.web.client_address import ClientAddressFinder
from app.web.cookies import CookiePolicy
from app.web.metrics_access import MetricsAccess


def routes(
    config: Config,
    database: Database,
    metrics: Metrics,
    stopping: threading.Event,
    *,
    hub: Hub,
    bulkhead: Bulkhead,
) -> Mapping[str, object]:
    """Path → resource."""
    queries = Queries(database)
    keyring = Keyring(config.session_secret, config.session_secret_previous)
    sessions = Sessions(queries=queries, keyring=keyring)
    tokens = APITokens(queries)
    identity_queries = IdentityQueries(database)
    admission = Admission(
        queries=identity_queries, emails=config.allowed_emails, domains=config.allowed_email_domains
    )
    registration = Registration(
        queries=queries,
        identities=identity_queries,
        admission=admission,
        sessions=sessions,
        keyring=keyring,
        mode=config.registration,
    )
    identities = Identities(queries=identity_queries, keyring=keyring, admission=admission)
    cookies = CookiePolicy(is_secure=config.api_url.startswith("https://"), domain=config.cookie_domain)
    authentication = Authentication(sessions=sessions, tokens=tokens, cookies=cookies, metrics=metrics)
    access_tokens = AccessTokens(
        issuer=config.api_url,
        keys=make_signing_keys(config),
        audiences=config.token_audiences,
        lifetime=config.token_lifetime,
    )
    attempts = AttemptCookies(signer=AttemptSigner(keyring), cookies=cookies)
    providers = Providers(
        config.providers,
        callback_url=f"{config.api_url}{paths.NAMELESS_CALLBACK}",
        threads=config.web_threads,
        hub=hub,
        bulkhead=bulkhead,
    )
    metrics.expect_sign_ins(provider.name for provider in providers)
    versions = find_versions(MIGRATIONS_FOLDER)
    probe = ReadinessProbe(queries=queries, versions=versions, stopping=stopping, metrics=metrics, hub=hub)
    page = load_page()
    document = openapi_document(
        api_url=config.api_url,
        audiences=config.token_audiences,
        session_cookie=cookies.session_name,
        version=version(),
        docs_version=page.version,
        providers=[provider.name for provider in providers],
    )
    return {
        paths.ROOT: RootResource(),
        paths.HEALTH: HealthResource(),
        paths.READY: ReadyResource(probe=probe),
        paths.METRICS: MetricsResource(
            registry=metrics.registry, access=MetricsAccess(config.metrics_token), probe=probe
        ),
        paths.DESCRIPTION: DescriptionResource(document=document),
        paths.DOCS: DocsResource(page=page),
        paths.DOCS_ASSET: DocsAssetResource(page=page),
        paths.PROVIDERS: ProvidersResource(providers=providers, api_url=config.api_url),
        paths.LOGIN: LoginResource(
            providers=providers,
            attempts=attempts,
            siblings=config.siblings,
            login_url=f"{config.api_url}{paths.LOGIN}",
        ),
        paths.NAMELESS_CALLBACK: NamelessCallbackResource(),
        paths.CALLBACK: CallbackResource(
            providers=providers,
            attempts=attempts,
            registration=registration,
            identities=identities,
            sessions=sessions,
            cookies=cookies,
            metrics=metrics,
            webapp_url=config.webapp_url,
        ),
        paths.IDENTITIES: IdentitiesResource(
            authentication=authentication,
            identities=identities,
            providers=providers,
            attempts=attempts,
            siblings=config.siblings,
        ),
        paths.OWN_IDENTITY: OwnIdentityResource(
            authentication=authentication, identities=identities, cookies=cookies
        ),
        paths.BACKCHANNEL_LOGOUT: BackchannelLogoutResource(providers=providers, identities=identities),
        paths.SESSION: SessionResource(authentication=authentication),
        paths.SESSIONS: SessionsResource(authentication=authentication, sessions=sessions),
        paths.OWN_SESSION: OwnSessionResource(
            authentication=authentication, sessions=sessions, cookies=cookies
        ),
        paths.REVOKE_OTHERS: RevokeOthersResource(authentication=authentication, sessions=sessions),
        paths.USER: UserResource(authentication=authentication, accounts=Accounts(queries), cookies=cookies),
        paths.VERIFY: VerifyResource(
            authentication=authentication,
            metrics=metrics,
            proxies=ClientAddressFinder(config.trusted_proxies),
            allowed_origins=config.allowed_origins | {config.own_origin},
            api_url=config.api_url,
            webapp_url=config.webapp_url,
            siblings=config.siblings,
        ),
        paths.ACCESS_TOKEN: AccessTokenResource(
            authentication=authentication,
            access_tokens=access_tokens,
            webapp_origin=origin_of(config.webapp_url),
        ),
        paths.KEY_SET: KeySetResource(access_tokens=access_tokens),
        paths.AUTHORIZATION_SERVER: AuthorizationServerResource(issuer=config.api_url),
        paths.TOKENS: TokensResource(authentication=authentication, tokens=tokens),
        paths.TOKEN: TokenResource(authentication=authentication, tokens=tokens),
        paths.REGISTER: RegisterResource(
            authentication=authentication, registration=registration, cookies=cookies
        ),
        paths.LOGOUT: LogoutResource(
            sessions=sessions, cookies=cookies, providers=providers, webapp_url=config.webapp_url
        ),
    }


def make_signing_keys(config: Config) -> list[SigningKey]:
    """The keys of access tokens: the current secret's, then the previous one's."""
    secrets = (config.session_secret, config.session_secret_previous)
    return [signing_key(secret, config.api_url) for secret in secrets if secret]
