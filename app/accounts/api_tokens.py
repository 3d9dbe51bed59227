"""API tokens: for scripts that ask in somebody's name, and may only read."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.accounts.credentials import api_token_hash, is_api_token, new_api_token
from app.database.queries import Queries
from app.errors import (
    AccountGoneError,
    NotSignedInError,
    TokenLimitError,
    TokenNotFoundError,
    TokenSlotTakenError,
)
from app.models import APIToken, TokenUse, User
from app.telemetry.security_events import log_event

MAX_PER_USER = 20
"""As many as the table has slots for."""
NOTE_INTERVAL = timedelta(minutes=1)
"""`last_used_at` is written at most this often, so that reading stays reading."""


class APITokens:
    """Makes, lists, checks and revokes API tokens. A token leaves here once, when it is made."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def find(self, token: str) -> TokenUse | None:
        """Whom a live token stands for: one round trip, none for what cannot be a token."""
        if not is_api_token(token):
            return None
        return self._queries.find_api_token(token_hash=api_token_hash(token), note_interval=NOTE_INTERVAL)

    def create(self, user: User, name: str, *, lifetime: timedelta | None) -> tuple[APIToken, str]:
        """A new token of the user's, and the secret itself.

        Raises:
            TokenLimitError: the user has MAX_PER_USER.
            NotSignedInError: the user was deleted meanwhile.
        """
        secret = new_api_token()
        for _ in range(MAX_PER_USER):
            try:
                token = self._queries.insert_api_token(
                    user_id=user.id,
                    name=name,
                    token_hash=api_token_hash(secret),
                    lifetime=lifetime,
                    slots=MAX_PER_USER,
                )
            except TokenSlotTakenError:
                continue
            except AccountGoneError as error:
                raise NotSignedInError from error
            if token is None:
                break
            log_event("api_token_created", user_id=str(user.id), token_id=str(token.id))
            return token, secret
        raise TokenLimitError

    def list_of(self, user: User) -> Sequence[APIToken]:
        """The user's tokens, expired ones too, the newest first."""
        return self._queries.list_api_tokens(user_id=user.id)

    def revoke(self, token_id: UUID, user: User) -> None:
        """Deletes one of the user's tokens, at once, for every replica.

        Raises:
            TokenNotFoundError: the user has no such token.
        """
        if not self._queries.delete_api_token(token_id=token_id, user_id=user.id):
            raise TokenNotFoundError
        log_event("api_token_revoked", user_id=str(user.id), token_id=str(token_id))
