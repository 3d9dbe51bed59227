"""Changes and deletes accounts, for the people they belong to."""

from collections.abc import Mapping

from app.database.queries import Queries
from app.errors import NotSignedInError
from app.models import User
from app.telemetry.security_events import log_event


class Accounts:
    """Changes and deletes an account."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def update(self, user: User, changes: Mapping[str, str | None]) -> User:
        """Sets `name`, `picture`, or both; None empties a field. Returns the changed user.

        Raises:
            NotSignedInError: the account was deleted meanwhile.
        """
        if not changes:
            return user
        updated = self._queries.update_user(user_id=user.id, changes=changes)
        if updated is None:
            raise NotSignedInError
        log_event("user_updated", user_id=str(user.id), fields=sorted(changes))
        return updated._replace(groups=user.groups)

    def delete(self, user: User) -> None:
        """Deletes the account with its identities, sessions and API tokens."""
        self._queries.delete_user(user_id=user.id)
        log_event("user_deleted", user_id=str(user.id))
