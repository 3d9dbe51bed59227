"""Logs events of sign-ins, sessions and accounts (OWASP ASVS 5.0, V16.3)."""

import logging
from typing import Literal

Event = Literal[
    "signed_in",
    "account_switched",
    "sign_in_failed",
    "user_registered",
    "registration_failed",
    "signed_out",
    "session_revoked",
    "other_sessions_revoked",
    "signed_out_by_provider",
    "identity_linked",
    "identity_link_failed",
    "identity_removed",
    "email_changed",
    "email_conflict",
    "groups_left_out",
    "user_updated",
    "user_deleted",
    "api_token_created",
    "api_token_revoked",
]

SENTENCES: dict[Event, str] = {
    "signed_in": "Signed in",
    "account_switched": "Signed in as somebody else",
    "sign_in_failed": "Sign-in failed",
    "user_registered": "User registered",
    "registration_failed": "Registration failed",
    "signed_out": "Signed out",
    "session_revoked": "Session revoked",
    "other_sessions_revoked": "Other sessions revoked",
    "signed_out_by_provider": "Signed out by the provider",
    "identity_linked": "Identity linked",
    "identity_link_failed": "Identity not linked",
    "identity_removed": "Identity removed",
    "email_changed": "E-mail address changed",
    "email_conflict": "E-mail address of another account",
    "groups_left_out": "Groups left out",
    "user_updated": "User updated",
    "user_deleted": "User deleted",
    "api_token_created": "API token created",
    "api_token_revoked": "API token revoked",
}
FAILURES: frozenset[Event] = frozenset(
    {"sign_in_failed", "registration_failed", "identity_link_failed", "email_conflict", "groups_left_out"}
)

logger = logging.getLogger(__name__)


def log_event(event: Event, **fields: object) -> None:
    """Logs one record with the event's fixed word.

    Args:
        event: what happened.
        fields: ids, error codes and counts; never a token, an authorization code or an e-mail address.
    """
    level = logging.WARNING if event in FAILURES else logging.INFO
    logger.log(level, SENTENCES[event], extra={"event": event, **fields})
