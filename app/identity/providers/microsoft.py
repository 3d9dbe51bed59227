"""Microsoft Entra: OpenID Connect, with one set of metadata for many issuers, one a tenant.

The rules are those of "Access tokens" and "Claims validation" of the Microsoft identity platform.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from app.errors import SignInError
from app.identity.providers.claims import Claims
from app.identity.providers.discovery import ProviderMetadata
from app.identity.providers.openid import SELECT_ACCOUNT, OpenIDProvider
from app.settings.providers import is_guid

PLACEHOLDER = "{tenantid}"
"""What metadata for several tenants have in place of one."""
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal accounts."""
AFFIRMED = frozenset({"true", "1"})
"""The spellings of xms_edov, as text or not, which says that the owner of an address's domain is verified."""


class MicrosoftProvider(OpenIDProvider):
    """People of one tenant, or of all."""

    def owns(self, issuer: str) -> bool:
        before, _, after = self._template.partition(PLACEHOLDER)
        tenant = issuer.removeprefix(before).removesuffix(after)
        return issuer == before + tenant + after and is_guid(tenant) and self._tenant in {None, tenant}

    @property
    def _tenant(self) -> str | None:
        """The one tenant whose people sign in; None where there are many."""
        named = self._settings.issuer.rstrip("/").removesuffix("/v2.0").rpartition("/")[2].lower()
        if named == "consumers":
            return CONSUMERS
        return named if is_guid(named) else None

    @property
    def _template(self) -> str:
        """The issuer, with a placeholder for the tenant."""
        root = self._settings.issuer.rstrip("/").removesuffix("/v2.0").rpartition("/")[0]
        return f"{root}/{PLACEHOLDER}/v2.0"

    @property
    def _trusts_silence(self) -> bool:
        # Any administrator of any tenant can claim any address for somebody in it.
        return self._settings.trusts_email and self._settings.has_one_tenant

    def _prompt(self, _metadata: ProviderMetadata) -> str:
        return SELECT_ACCOUNT

    def _is_announced_by(self, issuer: str) -> bool:
        return issuer == self._template.replace(PLACEHOLDER, self._tenant or PLACEHOLDER)

    def _may_name(self, issuer: str, _metadata: ProviderMetadata) -> bool:
        return self.owns(issuer)

    def _token_issuers(self, token: str, _metadata: ProviderMetadata) -> str:
        """The issuer of the token's own tenant, which must be one of those whose people sign in."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError) as error:
            raise SignInError("invalid_token", f"{type(error).__name__}: {error}") from error
        tenant = claims.get("tid")
        if not isinstance(tenant, str) or not is_guid(tenant):
            raise SignInError("invalid_token", "tid is no tenant's id")
        if self._tenant not in {None, tenant}:
            raise SignInError("invalid_token", f"tid is another tenant's: {tenant}")
        return self._template.replace(PLACEHOLDER, tenant)

    def _identity_issuer(self, claims: Claims, _metadata: ProviderMetadata) -> str:
        return str(claims["iss"])

    def _check_key(self, key: Mapping[str, Any], claims: Claims) -> None:
        """A key may be one tenant's alone."""
        issuer = key.get("issuer", claims["iss"])
        if not isinstance(issuer, str) or issuer.replace(PLACEHOLDER, claims["tid"]) != claims["iss"]:
            raise SignInError("invalid_token", "the key is another tenant's")

    def _with_verification(self, source: dict[str, Any]) -> dict[str, Any]:
        if source.get("email_verified") is False:
            return source
        is_affirmed = str(source.get("xms_edov")).lower() in AFFIRMED
        return {**source, "email_verified": True if is_affirmed else None}
