"""What can go wrong. app/web/problems.py maps each error to an answer."""

from typing import Literal

SignInCode = Literal[
    "access_denied",
    "provider_unavailable",
    "invalid_state",
    "invalid_token",
    "email_not_verified",
    "email_taken",
    "identity_taken",
    "domain_not_allowed",
    "registration_closed",
    "account_disabled",
    "oauth_failed",
]


class ServiceError(Exception):
    """The base of this service's errors."""


class DatabaseUnavailableError(ServiceError):
    """PostgreSQL did not answer, or not in time."""


class DatabaseReadOnlyError(DatabaseUnavailableError):
    """PostgreSQL takes no writes for now: it is a standby, or was told to refuse them."""


class NotSignedInError(ServiceError):
    """The request carries no live session."""


class NotRegisteredError(ServiceError):
    """The session belongs to a person without an account."""


class AlreadyRegisteredError(ServiceError):
    """The person has an account already."""


class AccountGoneError(ServiceError):
    """The account was deleted meanwhile."""


class EmailTakenError(ServiceError):
    """Another identity holds the e-mail address."""


class RegistrationClosedError(ServiceError):
    """No new accounts are made here."""


class SessionNotFoundError(ServiceError):
    """The caller has no such session."""


class InvalidBearerError(ServiceError):
    """The request's bearer token is unknown, expired or revoked."""


class BearerNotAllowedError(ServiceError):
    """An API token may only read, and fetch access tokens."""


class TokenNotFoundError(ServiceError):
    """The caller has no such API token."""


class TokenLimitError(ServiceError):
    """The caller has as many API tokens as one user may have."""


class TokenSlotTakenError(ServiceError):
    """Another request took the slot first."""


class AudienceNotAllowedError(ServiceError):
    """The access token would be for a service that is not one of TOKEN_AUDIENCES."""


class NoEntryRuleError(ServiceError):
    """The proxy does not say who may enter."""


class NotInGroupError(ServiceError):
    """The caller is in none of the groups that may enter."""


class OriginNotAllowedError(ServiceError):
    """The request's Origin is not one of ALLOWED_ORIGINS."""


class CrossSiteRequestError(ServiceError):
    """An unsafe request with a cookie that no allowed origin sent."""


class RateLimitedError(ServiceError):
    """The client has used up one of its limits."""


class InvalidReturnToError(ServiceError):
    """`return_to` is not a path of the frontend, or a page under COOKIE_DOMAIN."""


class UnknownProviderError(ServiceError):
    """PROVIDERS has no such name."""


class ProviderNotFoundError(ServiceError):
    """The same, where the path or the body names it."""


class ProviderUnavailableError(ServiceError):
    """The provider did not answer, or not in time, or not as it should."""


class SignInTooOldError(ServiceError):
    """The session began too long ago for what the person wants to change."""


class IdentityNotFoundError(ServiceError):
    """The caller has no such identity."""


class LastIdentityError(ServiceError):
    """Without this identity nobody could sign in to the account any more."""


class IdentityTakenError(ServiceError):
    """The identity belongs to another account."""


class InvalidLogoutTokenError(ServiceError):
    """The logout token is not valid; the message says why, for the log."""


class NotANavigationError(ServiceError):
    """The request opens no page, so it begins no sign-in."""


class BodyTooLargeError(ServiceError):
    """The request's body is longer than the service reads."""


class UnsupportedMediaTypeError(ServiceError):
    """The request's body is not JSON."""


class InvalidJSONError(ServiceError):
    """The request's body is not valid JSON."""


class InvalidFieldError(ServiceError):
    """A field of the request's body breaks its rule; the message names both."""


class SignInError(ServiceError):
    """A sign-in failed. The browser goes to the frontend with the code.

    Attributes:
        code: for the frontend.
        cause: what happened, for the log.
    """

    def __init__(self, code: SignInCode, cause: str) -> None:
        super().__init__(f"{code}: {cause}")
        self.code = code
        self.cause = cause
