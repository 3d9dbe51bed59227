"""Whose e-mail domains may sign in: ALLOWED_EMAIL_DOMAINS."""

from app.errors import SignInError
from app.identity.id_token import GOOGLE

GOOGLES_OWN = frozenset({"gmail.com", "googlemail.com"})
"""Google's own domains. No employer gives these addresses or takes them away."""


class EmailDomains:
    """Admits people by the domain of their e-mail address.

    Args:
        allowed: in lower case; none admits everybody.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed

    def check(self, email: str, *, issuer: str, hosted_domain: object) -> None:
        """Refuses people who are not admitted.

        Anybody may make a private Google account with an address of their employer, and keeps it after
        leaving. Only `hd` says that the account itself is the organisation's.

        Args:
            email: verified, in lower case.
            issuer: the provider's.
            hosted_domain: the ID token's claim `hd`, or None.

        Raises:
            SignInError: domain_not_allowed.
        """
        if not self._allowed:
            return
        domain = email.rpartition("@")[2]
        if domain not in self._allowed:
            raise SignInError("domain_not_allowed", "the e-mail's domain is not in ALLOWED_EMAIL_DOMAINS")
        if issuer != GOOGLE or domain in GOOGLES_OWN:
            return
        if not isinstance(hosted_domain, str) or hosted_domain.lower() not in self._allowed:
            cause = (
                f"hd, the Google account's organisation, is {hosted_domain!r}: not in ALLOWED_EMAIL_DOMAINS"
            )
            raise SignInError("domain_not_allowed", cause)
