"""The providers that people can sign in with, by name."""

import math
from collections.abc import Iterable, Iterator

from app.errors import UnknownProviderError
from app.identity.patient_provider import PATIENCE, PatientProvider
from app.identity.providers.github import GitHubProvider
from app.identity.providers.microsoft import MicrosoftProvider
from app.identity.providers.openid import OpenIDProvider
from app.identity.providers.provider import Provider
from app.settings.providers import Kind, ProviderSettings
from app.waiting.bulkhead import Bulkhead
from app.waiting.hub import Hub

FEW_THREADS = 2
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
        threads: of the worker. Half of them may call providers. With several providers and four threads or
            more, one less may call each, so that one that hangs keeps nobody from the others.
        bulkhead: the worker's. With one or two threads these calls do not count there: a single one would
            take the only place.
    """

    def __init__(
        self,
        settings: Iterable[ProviderSettings],
        *,
        callback_url: str,
        threads: int,
        hub: Hub,
        bulkhead: Bulkhead,
    ) -> None:
        known = list(settings)
        count = max(threads // 2, 1)
        shared = [Bulkhead(count, patience=PATIENCE, make_event=hub.event)]
        if threads > FEW_THREADS:
            shared.append(bulkhead)
        own_count = max(count - 1, 1) if len(known) > 1 else count
        self._by_name: dict[str, Provider] = {
            item.name: PatientProvider(
                KINDS[item.kind](item, redirect_uri=f"{callback_url}/{item.name}"),
                queue=Bulkhead(threads, patience=math.inf, make_event=hub.event),
                # Its own first, so that who waits for one that hangs keeps no place from the others.
                bulkheads=[Bulkhead(own_count, patience=PATIENCE, make_event=hub.event), *shared],
                hub=hub,
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
