"""People as another backend has them, before anything about them is believed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What the source calls its columns; an empty name stands for one that it does not have."""

    id: str
    email: str
    name: str
    picture: str
    subject: str
    created_at: str

    def names(self) -> tuple[str, ...]:
        """In the order of SourceRow's fields."""
        return self.id, self.email, self.name, self.picture, self.subject, self.created_at


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One person, each field as text; None where the source has nothing.

    Attributes:
        number: from 1, in the order of the source.
        is_whole: whether it had as many fields as the source has columns.
    """

    number: int
    id: str | None = None
    email: str | None = None
    name: str | None = None
    picture: str | None = None
    subject: str | None = None
    created_at: str | None = None
    is_whole: bool = field(default=True, kw_only=True)
