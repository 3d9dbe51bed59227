"""Who may sign in: ALLOWED_EMAILS, ALLOWED_EMAIL_DOMAINS and invitations."""

from app.database.identity_queries import IdentityQueries
from app.errors import SignInError
from app.models import Profile
from app.settings.domains import a_label, canonical_email

GOOGLE = "https://accounts.google.com"
GOOGLES_OWN = frozenset({"gmail.com", "googlemail.com"})
"""Google's own domains. No employer gives these addresses or takes them away."""


class Admission:
    """Admits people by the e-mail address of the identity that they sign in with, at every sign-in.

    Args:
        queries: find invitations.
        emails: in lower case.
        domains: A-labels, in lower case; `*.` before one stands for all below it. With no address and no
            domain listed, everybody is admitted.
    """

    def __init__(self, *, queries: IdentityQueries, emails: frozenset[str], domains: frozenset[str]) -> None:
        self._queries = queries
        self._emails = emails
        self._domains = domains

    def check(self, profile: Profile) -> None:
        """Refuses people whom neither the lists nor an invitation admit.

        Args:
            profile: its address is verified, and in lower case.

        Raises:
            SignInError: domain_not_allowed.
        """
        try:
            self._check_lists(profile)
        except SignInError:
            invitation = self._queries.find_invitation(profile.identity)
            if not (invitation.is_open or invitation.was_used):
                raise

    def has_invitation(self, profile: Profile) -> bool:
        """Whether the address is invited, and nobody has used the invitation."""
        return self._queries.find_invitation(profile.identity).is_open

    def _check_lists(self, profile: Profile) -> None:
        """Asks the lists.

        Anybody may make a private Google account with an address of their employer, and keeps it after
        leaving. Only `hd` says that the account itself is the organisation's.
        """
        email = canonical_email(profile.identity.email)
        if not (self._emails or self._domains) or email in self._emails:
            return
        domain = email.rpartition("@")[2]
        if not self._lists(domain):
            cause = "the e-mail is not in ALLOWED_EMAILS, nor its domain in ALLOWED_EMAIL_DOMAINS"
            raise SignInError("domain_not_allowed", cause)
        if profile.identity.issuer == GOOGLE and domain not in GOOGLES_OWN:
            self._check_organisation(profile.hosted_domain)

    def _check_organisation(self, hosted_domain: object) -> None:
        if not isinstance(hosted_domain, str) or not self._lists(a_label(hosted_domain.lower())):
            cause = (
                f"hd, the Google account's organisation, is {hosted_domain!r}: not in ALLOWED_EMAIL_DOMAINS"
            )
            raise SignInError("domain_not_allowed", cause)

    def _lists(self, domain: str) -> bool:
        parents = domain.split(".")[1:]
        above = {f"*.{'.'.join(parents[start:])}" for start in range(len(parents))}
        return domain in self._domains or not self._domains.isdisjoint(above)
