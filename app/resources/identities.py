from uuid import UUID

import falcon

from app.accounts.identities import Identities
from app.errors import (
    IdentityNotFoundError,
    InvalidFieldError,
    InvalidReturnToError,
    ProviderNotFoundError,
    ProviderUnavailableError,
    SignInError,
    UnknownProviderError,
)
from app.identity.attempt import Attempt
from app.identity.providers.provider import Provider
from app.identity.registry import Providers
from app.identity.return_to import checked_return_to
from app.settings.domains import Siblings
from app.telemetry.logs import rfc3339
from app.web.attempts import AttemptCookies
from app.web.authentication import Authentication
from app.web.cookies import CookiePolicy
from app.web.json_body import read_object
from app.web.paths import HeadMixin

FIELDS = frozenset({"provider", "return_to"})


class IdentitiesResource(HeadMixin):
    """`/auth/identities`: with what the caller signs in, and the beginning of one more."""

    def __init__(
        self,
        *,
        authentication: Authentication,
        identities: Identities,
        providers: Providers,
        attempts: AttemptCookies,
        siblings: Siblings | None,
    ) -> None:
        self._authentication = authentication
        self._identities = identities
        self._providers = providers
        self._attempts = attempts
        self._siblings = siblings

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        _, user = self._authentication.get_user(req, resp)
        resp.media = {
            "identities": [
                {
                    "id": str(identity.id),
                    "provider": self._providers.name_of(identity.issuer),
                    "email": identity.email,
                    "created_at": rfc3339(identity.created_at),
                    "last_used_at": rfc3339(identity.last_used_at) if identity.last_used_at else None,
                }
                for identity in self._identities.list_of(user)
            ]
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Opens an attempt whose callback links an identity to the person of this very session."""
        session, _ = self._authentication.get_user_session(req, resp)
        body = read_object(req, FIELDS)
        provider = self._wanted_provider(body.get("provider"))
        return_to = self._wanted_place(body.get("return_to"))
        self._identities.check_recent(session.id)
        attempt = Attempt.begin(provider.name, return_to, linking=session.id)
        try:
            url = provider.authorization_url(attempt, asks_person=True)
        except SignInError as error:
            raise ProviderUnavailableError(error.cause) from error
        self._attempts.open(req, resp, attempt)
        resp.media = {"authorization_url": url}

    def _wanted_provider(self, name: object) -> Provider:
        if not isinstance(name, str):
            raise InvalidFieldError("provider must be the name of a provider, such as google.")
        try:
            return self._providers.get(name)
        except UnknownProviderError as error:
            raise ProviderNotFoundError from error

    def _wanted_place(self, place: object) -> str:
        if place is not None and not isinstance(place, str):
            raise InvalidFieldError("return_to must be a path such as /settings.")
        try:
            return checked_return_to(place, siblings=self._siblings)
        except InvalidReturnToError as error:
            raise InvalidFieldError("return_to must be a path such as /settings.") from error


class OwnIdentityResource:
    """`/auth/identities/{identity_id}`: one of the caller's identities."""

    def __init__(
        self, *, authentication: Authentication, identities: Identities, cookies: CookiePolicy
    ) -> None:
        self._authentication = authentication
        self._identities = identities
        self._cookies = cookies

    def on_delete(self, req: falcon.Request, resp: falcon.Response, identity_id: str) -> None:
        session, user = self._authentication.get_user_session(req, resp)
        try:
            removed = UUID(identity_id)
        except ValueError as error:
            raise IdentityNotFoundError from error
        self._identities.check_recent(session.id)
        if self._identities.remove(removed, user, session_id=session.id):
            self._cookies.clear_session(resp)
        resp.status = 204
