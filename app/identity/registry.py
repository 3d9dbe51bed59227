"""The providers that people can sign in with, by name."""

from collections.abc import Iterable, Iterator

from app.errors import UnknownProviderError
from app.identity.providers.github import GitHubProvider
from app.identity.providers.microsoft import MicrosoftProvider
from app.identity.providers.openid import OpenIDProvider
from app.identity.providers.provider import Provider
from app.settings.providers import Kind, ProviderSettings

KINDS: dict[Kind, type[OpenIDProvider | GitHubProvider]] = {
    "openid": OpenIDProvider,
    "microsoft": MicrosoftProvider,
    "github": GitHubProvider,
}


class Providers:
    """The providers of PROVIDERS, in its order.

    Args:
        settings: of each.
        callback_url: the redirect URIs are under it, one a provider.
    """

    def __init__(self, settings: Iterable[ProviderSettings], *, callback_url: str) -> None:
        self._by_name: dict[str, Provider] = {
            item.name: KINDS[item.kind](item, redirect_uri=f"{callback_url}/{item.name}") for item in settings
        }

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Provider:
        """The provider of this name.

        Raises:
            UnknownProviderError: there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownProviderError from None

    def name_of(self, issuer: str) -> str | None:
        """The name of the first provider whose identities have this issuer."""
        return next((provider.name for provider in self if provider.owns(issuer)), None)
