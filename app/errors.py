"""What can go wrong, in the service's own words. error_handlers.py says what each means over HTTP."""

from typing import Literal

SignInCode = Literal[
    "access_denied",
    "provider_unavailable",
    "invalid_state",
    "invalid_token",
    "email_not_verified",
    "email_taken",
    "domain_not_allowed",
    "registration_closed",
    "account_disabled",
    "oauth_failed",
]


class ServiceError(Exception):
    """A refusal or failure the service has a word for."""


class DatabaseUnavailableError(ServiceError):
    """PostgreSQL did not answer, or not in time."""


class NotSignedInError(ServiceError):
    """The request carries no live session."""


class NotRegisteredError(ServiceError):
    """The session belongs to a person without an account yet."""


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
    """The request's bearer token is none of ours, expired or revoked."""


class BearerNotAllowedError(ServiceError):
    """A bearer token may only read."""


class TokenNotFoundError(ServiceError):
    """The caller has no such API token."""


class TokenLimitError(ServiceError):
    """The caller has as many API tokens as one user may have."""


class TokenSlotTakenError(ServiceError):
    """Another request has taken that slot first."""


class OriginNotAllowedError(ServiceError):
    """The request's Origin is not one of ALLOWED_ORIGINS."""


class CrossSiteRequestError(ServiceError):
    """An unsafe request with a cookie that its own frontend cannot have sent."""


class RateLimitedError(ServiceError):
    """The client has used up one of its limits."""


class InvalidReturnToError(ServiceError):
    """`return_to` is not a plain path of the frontend."""


class BodyTooLargeError(ServiceError):
    """The request's body is longer than the service reads."""


class UnsupportedMediaTypeError(ServiceError):
    """The request's body is not JSON."""


class InvalidJSONError(ServiceError):
    """The request's body says it is JSON and is not."""


class InvalidFieldError(ServiceError):
    """A field of the request's body breaks its rule; the message names both."""


class SignInError(ServiceError):
    """A sign-in that ends with an error code at the frontend.

    Attributes:
        code: the word the frontend gets.
        cause: what happened, for the log.
    """

    def __init__(self, code: SignInCode, cause: str) -> None:
        super().__init__(f"{code}: {cause}")
        self.code = code
        self.cause = cause
