"""Who may enter the application behind a proxy, as the URL of /auth/verify says."""

from dataclasses import dataclass

import falcon

from app.models import User


@dataclass(frozen=True, slots=True)
class EntryRule:
    """The query of /auth/verify. The operator writes it into the proxy's configuration.

    Attributes:
        groups: members of any of them may enter.
        admits_anyone: whether everybody registered may.
        passes_preflights: whether the application answers preflights itself.
        origins: other origins whose pages may send requests to the application.
    """

    groups: frozenset[str]
    admits_anyone: bool
    passes_preflights: bool
    origins: frozenset[str]

    @classmethod
    def of(cls, req: falcon.Request) -> "EntryRule":
        return cls(
            groups=_items(req, "groups"),
            admits_anyone=req.get_param("anyone") == "1",
            passes_preflights=req.get_param("preflight") == "1",
            origins=_items(req, "origins"),
        )

    @property
    def is_empty(self) -> bool:
        """Whether it says of nobody that they may enter."""
        return not (self.groups or self.admits_anyone)

    def admits(self, user: User) -> bool:
        return self.admits_anyone or not self.groups.isdisjoint(user.groups)


def _items(req: falcon.Request, name: str) -> frozenset[str]:
    """The items of a comma-separated parameter, which may come several times."""
    texts = req.get_param_as_list(name) or []
    items = {item.strip() for text in texts for item in text.split(",")}
    return frozenset(items - {""})
