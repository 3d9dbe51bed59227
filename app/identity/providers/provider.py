"""What this service wants of a provider, whichever protocol it speaks."""

from abc import ABC, abstractmethod

from app.errors import InvalidLogoutTokenError
from app.identity.attempt import Attempt
from app.models import LogoutRequest, Profile
from app.settings.providers import ProviderSettings


class Provider(ABC):
    """Sends people to a provider, and turns its answers into profiles.

    Args:
        settings: of this provider.
    """

    def __init__(self, settings: ProviderSettings) -> None:
        self.name = settings.name
        self.label = settings.label

    @abstractmethod
    def authorization_url(self, attempt: Attempt, *, asks_person: bool = False) -> str:
        """The URL to send the browser to.

        Args:
            attempt: the browser keeps it until the callback.
            asks_person: makes the provider ask which account to use, even if somebody is signed in there.

        Raises:
            SignInError: provider_unavailable.
        """

    @abstractmethod
    def check_issuer(self, issuer: str | None) -> None:
        """Refuses an answer that is not the provider's by its own account, be it a code or an error.

        Args:
            issuer: the `iss` parameter of the callback (RFC 9207), or None.

        Raises:
            SignInError: invalid_state, as it is another's, or missing where the provider sends it;
                provider_unavailable.
        """

    @abstractmethod
    def profile(self, attempt: Attempt, *, code: str) -> Profile:
        """The person that an authorization code stands for, with an e-mail address that is vouched for.

        Args:
            attempt: the browser's.
            code: used once, and never again.

        Raises:
            SignInError: with a code for the frontend and a cause for the log.
        """

    @abstractmethod
    def owns(self, issuer: str) -> bool:
        """Whether an identity of this issuer is the provider's."""

    def logout_url(self, return_to: str) -> str | None:  # noqa: ARG002  # of those that have one
        """Where a browser ends its session at the provider; None where that is not to be had.

        Args:
            return_to: where the provider sends the browser then.
        """
        return None

    def read_logout_token(self, token: str) -> LogoutRequest:  # noqa: ARG002  # as above
        """Whom a logout token is about (OpenID Connect Back-Channel Logout 1.0).

        Raises:
            InvalidLogoutTokenError: the token is not valid, or the provider sends none.
            ProviderUnavailableError: its keys cannot be fetched.
        """
        raise InvalidLogoutTokenError
