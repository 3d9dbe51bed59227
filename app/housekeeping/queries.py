"""One typed method for each file in sql/queries/housekeeping; the file has the method's name."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import BaseRowFactory, args_row, class_row, scalar_row

from app.housekeeping.models import (
    Ended,
    GroupRow,
    IdentityRow,
    InvitationRow,
    LinkedRow,
    MemberRow,
    SessionRow,
    Step,
    UserRow,
)
from app.models import APIToken
from app.settings.places import QUERIES_FOLDER

FOLDER = QUERIES_FOLDER / "housekeeping"

Row = TypeVar("Row")


class HousekeepingQueries:
    """The statements of `bin/sessions` and `bin/users`, each in a transaction of its own.

    Args:
        connection: in autocommit; psycopg's errors pass through.
        folder: where the files are.
    """

    def __init__(self, connection: psycopg.Connection[Any], folder: Path = FOLDER) -> None:
        self._connection = connection
        self._sql = {path.stem: path.read_bytes() for path in folder.glob("*.sql")}

    def find_user(self, *, user_id: UUID | None = None, email: str | None = None) -> UserRow | None:
        rows = self._run("find_user", {"user_id": user_id, "email": email}, class_row(UserRow))
        return rows[0] if rows else None

    def list_users(self, *, search: str | None, only_disabled: bool, limit: int) -> Sequence[UserRow]:
        """Users sorted by e-mail; a search matches parts of e-mails and names in any case."""
        parameters = {"search": search, "only_disabled": only_disabled, "limit": limit}
        return self._run("list_users", parameters, class_row(UserRow))

    def update_user_disabled(self, *, user_id: UUID) -> Ended | None:
        """Disables a user and counts what ended; None where there is no such user. May run twice."""
        rows = self._run("update_user_disabled", {"user_id": user_id}, class_row(Ended))
        return rows[0] if rows else None

    def update_user_enabled(self, *, user_id: UUID) -> bool:
        """Enables a user; returns whether they were disabled."""
        return bool(self._run("update_user_enabled", {"user_id": user_id}, scalar_row))

    def delete_user(self, *, user_id: UUID) -> bool:
        """Deletes a user; returns whether there was one."""
        return bool(self._run("delete_user", {"user_id": user_id}, scalar_row))

    def update_user_group_added(self, *, user_id: UUID, group: str, limit: int) -> bool:
        """Puts a user into a group; returns False where they are in as many others as the limit says."""
        parameters = {"user_id": user_id, "group": group, "limit": limit}
        return bool(self._run("update_user_group_added", parameters, scalar_row))

    def update_user_group_removed(self, *, user_id: UUID, group: str) -> bool:
        """Takes a user out of a group; returns whether they were in it."""
        parameters = {"user_id": user_id, "group": group}
        return bool(self._run("update_user_group_removed", parameters, scalar_row))

    def list_groups(self) -> Sequence[GroupRow]:
        """All groups by name, those of providers' claims, too."""
        return self._run("list_groups", {}, class_row(GroupRow))

    def list_group_members(self, *, group: str) -> Sequence[MemberRow]:
        """The people of a group by e-mail."""
        return self._run("list_group_members", {"group": group}, class_row(MemberRow))

    def insert_invitation(self, *, email: str, groups: list[str]) -> bool:
        """Invites an address; returns whether there is an account with it."""
        return bool(self._run("insert_invitation", {"email": email, "groups": groups}, scalar_row)[0])

    def list_invitations(self) -> Sequence[InvitationRow]:
        """Open invitations, the oldest first."""
        return self._run("list_invitations", {}, class_row(InvitationRow))

    def delete_invitation(self, *, email: str) -> bool:
        """Ends an invitation; returns whether it was open."""
        return bool(self._run("delete_invitation", {"email": email}, scalar_row))

    def list_live_sessions(self, *, limit: int) -> Sequence[SessionRow]:
        return self._run("list_live_sessions", {"limit": limit}, class_row(SessionRow))

    def list_user_sessions(self, *, user_id: UUID, limit: int) -> Sequence[SessionRow]:
        return self._run("list_user_sessions", {"user_id": user_id, "limit": limit}, class_row(SessionRow))

    def list_user_api_tokens(self, *, user_id: UUID) -> Sequence[APIToken]:
        """A user's API tokens, the newest first."""
        return self._run("list_user_api_tokens", {"user_id": user_id}, class_row(APIToken))

    def list_user_identities(self, *, user_id: UUID) -> Sequence[IdentityRow]:
        return self._run("list_user_identities", {"user_id": user_id}, class_row(IdentityRow))

    def insert_identity(self, *, user_id: UUID, issuer: str, subject: str) -> LinkedRow:
        """Links an identity to a user, unless it is somebody's already.

        Raises:
            psycopg.errors.ForeignKeyViolation: the user was deleted at this moment.
        """
        parameters = {"user_id": user_id, "issuer": issuer, "subject": subject}
        return self._run("insert_identity", parameters, class_row(LinkedRow))[0]

    def update_sessions_revoked(self, *, session_ids: list[UUID], reason: str) -> dict[UUID, bool]:
        """Ends sessions; maps the id of each that exists to whether it was live."""
        parameters = {"session_ids": session_ids, "reason": reason}
        return dict(self._run("update_sessions_revoked", parameters, args_row(_pair)))

    def update_user_sessions_revoked(self, *, user_id: UUID, reason: str) -> list[UUID]:
        """Ends a user's sessions; returns the ids of those that were live."""
        parameters = {"user_id": user_id, "reason": reason}
        return list(self._run("update_user_sessions_revoked", parameters, scalar_row))

    def update_all_sessions_revoked(self, last: Step, *, limit: int, reason: str) -> Step | None:
        """Ends live sessions among the next `limit` ones; None when there are no more."""
        parameters = {
            "after": last.after,
            "after_id": last.after_id,
            "began": last.began,
            "limit": limit,
            "reason": reason,
        }
        rows = self._run("update_all_sessions_revoked", parameters, class_row(Step))
        return rows[0] if rows else None

    def delete_expired_sessions(self, last: Step, *, older_than: timedelta, limit: int) -> Step | None:
        """Deletes up to `limit` expired sessions; None when only those are left that others are deleting."""
        parameters = {"after": last.after, "older_than": older_than, "limit": limit}
        step = self._run("delete_expired_sessions", parameters, class_row(Step))[0]
        return step if step.changed else None

    def delete_ended_sessions(
        self, last: Step, *, older_than: timedelta, lifetime: timedelta, limit: int
    ) -> Step | None:
        """Deletes ended sessions among the next `limit` ones; None when there are no more.

        Args:
            last: the step before this one.
            older_than: how long ago a session must have ended.
            lifetime: the longest time between a session's end and its expiry.
            limit: how many to look at.
        """
        parameters = {
            "after": last.after,
            "after_id": last.after_id,
            "older_than": older_than,
            "lifetime": lifetime,
            "limit": limit,
        }
        rows = self._run("delete_ended_sessions", parameters, class_row(Step))
        return rows[0] if rows else None

    def _run(
        self, name: str, parameters: Mapping[str, object], row_factory: BaseRowFactory[Row]
    ) -> list[Row]:
        # Binary results are the same under any setting of the server; text follows DateStyle and others.
        with self._connection.cursor(binary=True, row_factory=row_factory) as cursor:
            return cursor.execute(self._sql[name], parameters).fetchall()


def _pair(session_id: UUID, was_live: bool) -> tuple[UUID, bool]:  # noqa: FBT001  # a row's columns
    return session_id, was_live
