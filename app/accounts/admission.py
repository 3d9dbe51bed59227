"""Who may sign in: ALLOWED_EMAILS and ALLOWED_EMAIL_DOMAINS."""

from app.errors import SignInError
from app.models import Profile

GOOGLE = "https://accounts.google.com"
GOOGLES_OWN = frozenset({"gmail.com", "googlemail.com"})
"""Google's own domains. No employer gives these addresses or takes them away."""


class Admission:
    """Admits people by the e-mail address of the identity that they sign in with, at every sign-in.

    Args:
        emails: in lower case.
        domains: in lower case; with no address and no domain listed, everybody is admitted.
    """

    def __init__(self, *, emails: frozenset[str], domains: frozenset[str]) -> None:
        self._emails = emails
        self._domains = domains

    def check(self, profile: Profile) -> None:
        """Refuses people who are not admitted.

        Anybody may make a private Google account with an address of their employer, and keeps it after
        leaving. Only `hd` says that the account itself is the organisation's.

        Args:
            profile: its address is verified, and in lower case.

        Raises:
            SignInError: domain_not_allowed.
        """
        email = profile.identity.email
        if not (self._emails or self._domains) or email in self._emails:
            return
        domain = email.rpartition("@")[2]
        if domain not in self._domains:
            cause = "the e-mail is not in ALLOWED_EMAILS, nor its domain in ALLOWED_EMAIL_DOMAINS"
            raise SignInError("domain_not_allowed", cause)
        if profile.identity.issuer == GOOGLE and domain not in GOOGLES_OWN:
            self._check_organisation(profile.hosted_domain)

    def _check_organisation(self, hosted_domain: object) -> None:
        if not isinstance(hosted_domain, str) or hosted_domain.lower() not in self._domains:
            cause = (
                f"hd, the Google account's organisation, is {hosted_domain!r}: not in ALLOWED_EMAIL_DOMAINS"
            )
            raise SignInError("domain_not_allowed", cause)
