"""What becomes of a row: a candidate for an account, or a reason why not."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from uuid import UUID, uuid4

from app.accounts.profile import is_picture_url, is_subject, usable_email, usable_name
from app.housekeeping.importing.rows import SourceRow

REASONS = {
    "broken_row": "the row has more or fewer fields than there are columns",
    "no_subject": "no subject, the provider's name for the person, so nobody could sign in to the account",
    "unusable_subject": "the subject is too long, not printable, or was rounded by a spreadsheet",
    "unusable_id": "the id is no UUID; --id-column= makes new ones",
    "unusable_email": "the e-mail address is missing, too long or none",
    "duplicate_id": "an earlier row has the same id",
    "duplicate_email": "an earlier row has the same e-mail address, in lower case",
    "duplicate_subject": "an earlier row has the same subject",
    "id_taken": "an account of somebody else has the id here",
    "email_taken": "an account of somebody else has the e-mail address here",
}
"""Why a row is skipped: the word for programs, and for people."""

CHANGES = {
    "name_changed": "the name lost control characters, or what was over 200 characters",
    "picture_left_out": "the picture is no https URL",
    "created_at_unknown": "no readable time of creation: it is the time of the import",
}
"""What is different about an account from its row."""

_ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account to be, and what of its row was changed for it."""

    row: SourceRow
    id: UUID
    email: str
    name: str | None
    picture: str | None
    subject: str
    created_at: datetime | None
    changes: tuple[str, ...]


class Candidates:
    """Judges rows one after the other: what an earlier one has, a later one cannot have.

    Args:
        makes_ids: whether accounts get new ids.
    """

    def __init__(self, *, makes_ids: bool) -> None:
        self._makes_ids = makes_ids
        self._seen: dict[str, set[Hashable]] = {"id": set(), "email": set(), "subject": set()}

    def judge(self, row: SourceRow) -> Candidate | str:
        """The candidate, or one of REASONS."""
        subject = (row.subject or "").strip()
        user_id = uuid4() if self._makes_ids else _uuid(row.id)
        email = usable_email(row.email or "")
        if not row.is_whole or not subject:
            return "no_subject" if row.is_whole else "broken_row"
        if not is_subject(subject) or _ROUNDED.fullmatch(subject):
            return "unusable_subject"
        if user_id is None or email is None:
            return "unusable_email" if user_id else "unusable_id"
        for kind, value in (("id", user_id), ("email", email), ("subject", subject)):
            if value in self._seen[kind]:
                return f"duplicate_{kind}"
        for kind, value in (("id", user_id), ("email", email), ("subject", subject)):
            self._seen[kind].add(value)
        name = usable_name(row.name or "")
        picture = row.picture if row.picture and is_picture_url(row.picture) else None
        created_at = _moment(row.created_at)
        changed = {
            "name_changed": (row.name or "").strip() != (name or ""),
            "picture_left_out": bool(row.picture) and picture is None,
            "created_at_unknown": created_at is None,
        }
        changes = tuple(change for change, is_so in changed.items() if is_so)
        return Candidate(row, user_id, email, name, picture, subject, created_at, changes)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _moment(text: str | None) -> datetime | None:
    """A time as PostgreSQL writes it, in UTC; without a zone it is UTC, as the Node backend's are."""
    try:
        moment = datetime.fromisoformat(text or "")
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    # At either end of the calendar, the database's own time zone may put it into a year that Python lacks.
    return moment if MINYEAR < moment.year < MAXYEAR else None
