"""API tokens, which let scripts read in somebody's name."""

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
"""The table has this many slots a user."""
NOTE_INTERVAL = timedelta(minutes=1)
"""`last_used_at` is written at most this often, so that most checks only read."""


class APITokens:
    """Makes, lists, checks and revokes API tokens."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    def find(self, token: str) -> TokenUse | None:
        """The user of a valid token, in one round trip; text that cannot be a token costs none."""
        if not is_api_token(token):
            return None
        return self._queries.find_api_token(token_hash=api_token_hash(token), note_interval=NOTE_INTERVAL)

    def create(self, user: User, name: str, *, lifetime: timedelta | None) -> tuple[APIToken, str]:
        """Makes a token. Returns its row and the secret, which is not kept.

        Raises:
            TokenLimitError: the user has MAX_PER_USER tokens.
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
        """The user's tokens, including expired ones, the newest first."""
        return self._queries.list_api_tokens(user_id=user.id)

    def revoke(self, token_id: UUID, user: User) -> None:
        """Deletes one of the user's tokens, for all replicas at once.

        Raises:
            TokenNotFoundError: the user has no such token.
        """
        if not self._queries.delete_api_token(token_id=token_id, user_id=user.id):
            raise TokenNotFoundError
        log_event("api_token_revoked", user_id=str(user.id), token_id=str(token_id))
