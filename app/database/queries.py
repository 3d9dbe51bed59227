"""One typed method for each file in sql/queries, with the same name."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from psycopg import errors
from psycopg.rows import args_row, class_row, tuple_row
from psycopg.types.json import Jsonb

from app.database.connection import LookUp
from app.database.pool import Database
from app.database.rows import registered_user, session, token_use
from app.errors import AccountGoneError, AlreadyRegisteredError, EmailTakenError, TokenSlotTakenError
from app.models import (
    Account,
    APIToken,
    BegunSession,
    EndedSession,
    InsertedSession,
    PendingIdentity,
    Session,
    SessionOrigin,
    SessionSummary,
    TokenUse,
    User,
)
from app.settings.places import QUERIES_FOLDER


class Queries:
    """The service's statements. Each raises DatabaseUnavailableError where no answer comes in time."""

    def __init__(self, database: Database, folder: Path = QUERIES_FOLDER) -> None:
        self._database = database
        self._sql = {path.stem: path.read_bytes() for path in folder.glob("*.sql")}
        # libpq's own placeholder.
        sql = self._sql["find_session"].replace(b"%(token_hashes)s", b"$1")
        self._find_session = database.shared_look_up(LookUp(b"find_session", sql))

    def find_session(self, *, token_hash: bytes) -> Session | None:
        """The live session with this hash. May run twice: it only moves a time forward."""
        row = self._find_session(token_hash)
        return session(*row) if row else None

    def find_begun_session(self, *, token_hashes: list[bytes], state_hash: bytes) -> BegunSession | None:
        """The live session under one of the hashes, if its sign-in had this state."""
        rows = self._database.run_repeatable(
            self._sql["find_begun_session"],
            {"token_hashes": token_hashes, "state_hash": state_hash},
            class_row(BegunSession),
        )
        return rows[0] if rows else None

    def find_registered_session(self, *, token_hashes: list[bytes], period: timedelta) -> UUID | None:
        """The pending session under one of the hashes, if it became an account within the period."""
        rows: Sequence[tuple[UUID]] = self._database.run_repeatable(
            self._sql["find_registered_session"],
            {"token_hashes": token_hashes, "period": period},
            tuple_row,
        )
        return rows[0][0] if rows else None

    def insert_session(
        self,
        *,
        token_hash: bytes,
        previous_token_hashes: list[bytes],
        owner: Account | PendingIdentity,
        origin: SessionOrigin,
        lifetime: timedelta,
        idle_limit: timedelta,
    ) -> InsertedSession:
        """Inserts a session, and revokes the previous ones; returns its id and the previous user's.

        Raises:
            AccountGoneError: there is no such user or identity any more.
        """
        account = owner if isinstance(owner, Account) else None
        try:
            rows = self._database.run_once(
                self._sql["insert_session"],
                {
                    "token_hash": token_hash,
                    "previous_token_hashes": previous_token_hashes,
                    "user_id": account and account.user_id,
                    "identity_id": account and account.identity_id,
                    "pending_identity": Jsonb(asdict(owner)) if isinstance(owner, PendingIdentity) else None,
                    "claimed_groups": None if account else origin.groups,
                    "provider": origin.provider,
                    "sid": origin.sid,
                    "state_hash": origin.state_hash,
                    "lifetime": lifetime,
                    "idle_limit": idle_limit,
                    "ip": origin.client.ip,
                    "user_agent": origin.client.user_agent,
                },
                class_row(InsertedSession),
            )
        except errors.ForeignKeyViolation as error:
            raise AccountGoneError from error
        return rows[0]

    def insert_user(
        self,
        *,
        pending_session_id: UUID,
        needs_invitation: bool,
        token_hash: bytes,
        name: str | None,
        picture: str | None,
        lifetime: timedelta,
        idle_limit: timedelta,
    ) -> User | None:
        """Makes a pending session's user; None where session or invitation has ended meanwhile.

        Raises:
            EmailTakenError: another user holds the e-mail.
            AlreadyRegisteredError: the identity has a user already.
        """
        try:
            rows = self._database.run_once(
                self._sql["insert_user"],
                {
                    "pending_session_id": pending_session_id,
                    "needs_invitation": needs_invitation,
                    "token_hash": token_hash,
                    "name": name,
                    "picture": picture,
                    "lifetime": lifetime,
                    "idle_limit": idle_limit,
                },
                args_row(registered_user),
            )
        except errors.UniqueViolation as error:
            if error.diag.constraint_name == "users_email_key":
                raise EmailTakenError from error
            if error.diag.constraint_name == "identities_pkey":
                raise AlreadyRegisteredError from error
            raise
        return rows[0] if rows else None

    def update_sessions_revoked(self, *, token_hashes: list[bytes], reason: str) -> Sequence[EndedSession]:
        """Ends sessions; returns those that were live. May run twice: the second time changes nothing."""
        return self._database.run_repeatable(
            self._sql["update_sessions_revoked"],
            {"token_hashes": token_hashes, "reason": reason},
            class_row(EndedSession),
        )

    def update_session_of_user_revoked(self, *, session_id: UUID, user_id: UUID, reason: str) -> bool:
        """Ends a user's session; returns whether the user has, or had, such a session. May run twice."""
        return bool(
            self._database.run_repeatable(
                self._sql["update_session_of_user_revoked"],
                {"session_id": session_id, "user_id": user_id, "reason": reason},
                tuple_row,
            )
        )

    def update_other_sessions_revoked(self, *, session_id: UUID, user_id: UUID, reason: str) -> int:
        """Ends a user's live sessions except one; returns how many there were."""
        return len(
            self._database.run_once(
                self._sql["update_other_sessions_revoked"],
                {"session_id": session_id, "user_id": user_id, "reason": reason},
                tuple_row,
            )
        )

    def update_user(self, *, user_id: UUID, changes: Mapping[str, str | None]) -> User | None:
        """Changes a user; None where there is no such user. May run twice.

        Args:
            user_id: whose profile it is.
            changes: the new `name`, `picture` or both; None empties a field.
        """
        rows = self._database.run_repeatable(
            self._sql["update_user"],
            {
                "user_id": user_id,
                "sets_name": "name" in changes,
                "name": changes.get("name"),
                "sets_picture": "picture" in changes,
                "picture": changes.get("picture"),
            },
            class_row(User),
        )
        return rows[0] if rows else None

    def delete_user(self, *, user_id: UUID) -> None:
        """Deletes the user with all that is theirs. May run twice."""
        self._database.run_repeatable(self._sql["delete_user"], {"user_id": user_id}, tuple_row)

    def list_sessions(self, *, user_id: UUID) -> Sequence[SessionSummary]:
        return self._database.run_repeatable(
            self._sql["list_sessions"], {"user_id": user_id}, class_row(SessionSummary)
        )

    def find_api_token(self, *, token_hash: bytes, note_interval: timedelta) -> TokenUse | None:
        """The user of a live token. May run twice: it only moves a time forward."""
        rows = self._database.run_repeatable(
            self._sql["find_api_token"],
            {"token_hash": token_hash, "note_interval": note_interval},
            args_row(token_use),
        )
        return rows[0] if rows else None

    def insert_api_token(
        self, *, user_id: UUID, name: str, token_hash: bytes, lifetime: timedelta | None, slots: int
    ) -> APIToken | None:
        """Inserts a token; None where all the user's slots are taken.

        Raises:
            TokenSlotTakenError: another request took the slot meanwhile; others may be free.
            AccountGoneError: there is no such user any more.
        """
        try:
            rows = self._database.run_once(
                self._sql["insert_api_token"],
                {
                    "user_id": user_id,
                    "name": name,
                    "token_hash": token_hash,
                    "lifetime": lifetime,
                    "slots": slots,
                },
                class_row(APIToken),
            )
        except errors.UniqueViolation as error:
            raise TokenSlotTakenError from error
        except errors.ForeignKeyViolation as error:
            raise AccountGoneError from error
        return rows[0] if rows else None

    def list_api_tokens(self, *, user_id: UUID) -> Sequence[APIToken]:
        return self._database.run_repeatable(
            self._sql["list_api_tokens"], {"user_id": user_id}, class_row(APIToken)
        )

    def delete_api_token(self, *, token_id: UUID, user_id: UUID) -> bool:
        """Deletes a user's token; returns whether the user had it."""
        return bool(
            self._database.run_once(
                self._sql["delete_api_token"], {"token_id": token_id, "user_id": user_id}, tuple_row
            )
        )

    def list_migrations(self) -> frozenset[int] | None:
        """The versions of the applied migrations; None where there is no ledger. Has one second."""
        try:
            rows = self._database.probe(self._sql["list_migrations"])
        except errors.UndefinedTable:
            return None
        return frozenset(version for (version,) in rows)

    def update_nothing(self) -> None:
        """Raises what the statements above would where a table or a right is missing. Has one second."""
        self._database.probe(self._sql["update_nothing"])
