"""The providers that people can sign in with, by name."""

import threading
from collections.abc import Callable, Iterable, Iterator

from app.errors import UnknownProviderError
from app.identity.patient_provider import PatientProvider
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
        threads: of the worker. Half of them may wait for providers. With several, one less may wait for each,
            so that one that hangs keeps nobody from the others.
        on_wait: called before a thread waits for a provider.
    """

    def __init__(
        self,
        settings: Iterable[ProviderSettings],
        *,
        callback_url: str,
        threads: int,
        on_wait: Callable[[], object] = lambda: None,
    ) -> None:
        known = list(settings)
        count = max(threads // 2, 1)
        places = threading.BoundedSemaphore(count)
        own_count = max(count - 1, 1) if len(known) > 1 else count
        self._by_name: dict[str, Provider] = {
            item.name: PatientProvider(
                KINDS[item.kind](item, redirect_uri=f"{callback_url}/{item.name}"),
                own_places=threading.BoundedSemaphore(own_count),
                places=places,
                on_wait=on_wait,
            )
            for item in known
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
