"""A person's profile, out of the claims of an ID token and, where it lacks some, of the userinfo endpoint."""

from collections.abc import Mapping
from typing import Any

from app.accounts.profile import is_picture_url, usable_email, usable_name
from app.errors import SignInError
from app.models import PendingIdentity, Profile

Claims = Mapping[str, Any]

MAX_SID_LENGTH = 255


def lacks_some(claims: Claims, groups_claim: str | None) -> bool:
    """Whether userinfo may have claims that an ID token does not."""
    wanted = ("email", "email_verified", "name", "picture")
    return any(claims.get(name) is None for name in wanted) or (
        groups_claim is not None and claim_at(claims, groups_claim) is None
    )


def has_email(claims: Claims) -> bool:
    """Whether an ID token says both what the address is, and whether it is verified."""
    return claims.get("email") is not None and claims.get("email_verified") is not None


def email_source(id_token: Claims, userinfo: Claims) -> Claims:
    """Where address and verification are taken from, together.

    Taken apart, one source would vouch for the other's address.
    """
    return id_token if has_email(id_token) or userinfo.get("email") is None else userinfo


def vouched_email(source: Claims, *, trusts_silence: bool) -> str:
    """The address in claims, in lower case.

    Args:
        source: has `email`, and `email_verified` if the provider says so.
        trusts_silence: whether an address counts of which the provider does not say if it is verified.

    Raises:
        SignInError: email_not_verified.
    """
    email = usable_email(_text(source.get("email")))
    if email is None:
        raise SignInError("email_not_verified", "the provider sent no usable e-mail address")
    verified = source.get("email_verified")
    if verified is True or (verified is None and trusts_silence):
        return email
    raise SignInError("email_not_verified", "the provider does not vouch for the e-mail address")


def claim_at(claims: Claims, path: str) -> object:
    """The claim of this very name, or the one that a path with dots leads to; None where there is none."""
    if claims.get(path) is not None:
        return claims[path]
    value: object = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def make_profile(
    *,
    provider: str,
    issuer: str,
    email: str,
    id_token: Claims,
    userinfo: Claims,
    groups_claim: str | None,
) -> Profile:
    """The profile of verified claims; what is missing in the ID token comes from userinfo."""

    def claim(name: str) -> str:
        value = id_token.get(name)
        return _text(userinfo.get(name) if value is None else value)

    groups = None
    if groups_claim is not None:
        groups = claim_at(id_token, groups_claim)
        groups = claim_at(userinfo, groups_claim) if groups is None else groups
    sid = _text(id_token.get("sid"))
    return Profile(
        provider=provider,
        identity=PendingIdentity(
            issuer=issuer,
            subject=id_token["sub"],
            email=email,
            name=usable_name(claim("name")),
            picture=_picture(claim("picture")),
        ),
        sid=sid if 0 < len(sid) <= MAX_SID_LENGTH and sid.isprintable() else None,
        hosted_domain=id_token.get("hd"),
        groups_claim=groups,
    )


def _picture(url: str) -> str | None:
    return url if is_picture_url(url) else None


def _text(claim: object) -> str:
    return claim if isinstance(claim, str) else ""
