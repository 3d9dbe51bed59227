"""One typed method for each file in sql/queries/identities, with the same name."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row, tuple_row

from app.database.pool import Database
from app.models import (
    Account,
    Identity,
    Invitation,
    LinkedIdentity,
    LogoutRequest,
    PendingIdentity,
    ProviderLogout,
    RemovedIdentity,
)
from app.settings.places import QUERIES_FOLDER

FOLDER = QUERIES_FOLDER / "identities"


class IdentityQueries:
    """The statements about identities. Each raises DatabaseUnavailableError where no answer comes in time."""

    def __init__(self, database: Database, folder: Path = FOLDER) -> None:
        self._database = database
        self._sql = {path.stem: path.read_bytes() for path in folder.glob("*.sql")}

    def find_account(self, *, issuer: str, subject: str) -> UUID | None:
        """The user of an identity."""
        rows: Sequence[tuple[UUID]] = self._database.run_repeatable(
            self._sql["find_account"], {"issuer": issuer, "subject": subject}, tuple_row
        )
        return rows[0][0] if rows else None

    def find_invitation(self, identity: PendingIdentity) -> Invitation:
        """Whether an identity was invited once, or its address is now."""
        rows = self._database.run_repeatable(
            self._sql["find_invitation"],
            {"issuer": identity.issuer, "subject": identity.subject, "email": identity.email},
            class_row(Invitation),
        )
        return rows[0]

    def update_identity_used(self, identity: PendingIdentity, groups: list[str]) -> Account | None:
        """Notes a sign-in, its address and groups; None where the identity is unknown. May run twice."""
        parameters = {
            "issuer": identity.issuer,
            "subject": identity.subject,
            "email": identity.email,
            "groups": groups,
        }
        try:
            rows = self._database.run_repeatable(
                self._sql["update_identity_used"], parameters, class_row(Account)
            )
        except errors.UniqueViolation:
            # Another account has taken the address at this moment; the statement sees that now.
            rows = self._database.run_repeatable(
                self._sql["update_identity_used"], parameters, class_row(Account)
            )
        return rows[0] if rows else None

    def insert_identity(
        self,
        identity: PendingIdentity,
        groups: list[str],
        *,
        session_id: UUID,
        token_hashes: list[bytes],
        token_hash: bytes,
        state_hash: bytes,
        idle_limit: timedelta,
    ) -> LinkedIdentity | None:
        """Links an identity to a session's person; None where the session is not live.

        Args:
            identity: to be linked.
            groups: that its provider claims.
            session_id: the person's session.
            token_hashes: of the token that the browser has; one must be the session's.
            token_hash: of the new token.
            state_hash: of the attempt.
            idle_limit: of the session with the new token.
        """
        rows = self._database.run_once(
            self._sql["insert_identity"],
            {
                "issuer": identity.issuer,
                "subject": identity.subject,
                "email": identity.email,
                "groups": groups,
                "session_id": session_id,
                "token_hashes": token_hashes,
                "token_hash": token_hash,
                "state_hash": state_hash,
                "idle_limit": idle_limit,
            },
            class_row(LinkedIdentity),
        )
        return rows[0] if rows else None

    def list_identities(self, *, user_id: UUID) -> Sequence[Identity]:
        return self._database.run_repeatable(
            self._sql["list_identities"], {"user_id": user_id}, class_row(Identity)
        )

    def delete_identity(self, *, identity_id: UUID, user_id: UUID, session_id: UUID) -> RemovedIdentity:
        """Removes an identity of a user, with its sessions, unless it is the last one."""
        rows = self._database.run_once(
            self._sql["delete_identity"],
            {"identity_id": identity_id, "user_id": user_id, "session_id": session_id},
            class_row(RemovedIdentity),
        )
        return rows[0]

    def find_recent_session(self, *, session_id: UUID, period: timedelta) -> bool:
        """Whether a session's person has signed in within the period."""
        return bool(
            self._database.run_repeatable(
                self._sql["find_recent_session"], {"session_id": session_id, "period": period}, tuple_row
            )
        )

    def update_sessions_of_sid_revoked(self, request: LogoutRequest) -> ProviderLogout:
        """Ends our sessions of one at a provider, if the token is new."""
        rows = self._database.run_once(
            self._sql["update_sessions_of_sid_revoked"],
            {
                "provider": request.provider,
                "sid": request.sid,
                "token_id": request.token_id,
                "period": request.period,
            },
            class_row(ProviderLogout),
        )
        return rows[0]

    def update_sessions_of_subject_revoked(
        self, request: LogoutRequest, *, pending_lifetime: timedelta
    ) -> ProviderLogout:
        """Ends the sessions that began with an identity, if the token is new."""
        rows = self._database.run_once(
            self._sql["update_sessions_of_subject_revoked"],
            {
                "issuer": request.issuer,
                "subject": request.subject,
                "token_id": request.token_id,
                "period": request.period,
                "pending_lifetime": pending_lifetime,
            },
            class_row(ProviderLogout),
        )
        return rows[0]
