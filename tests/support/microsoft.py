"""Microsoft's documented answers, on the tests' own provider: one set of metadata for many issuers.

After "OpenID Connect on the Microsoft identity platform" and "ID token claims reference".
"""

from tests.support.provider import CLIENT_ID, CLIENT_SECRET, OpenIDProvider, json_answer

TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
OTHER_TENANT = "11111111-2222-3333-4444-555555555555"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"


def issuer_of(provider: OpenIDProvider, tenant: str) -> str:
    return f"{provider.issuer}/{tenant}/v2.0"


def speak_as_microsoft(provider: OpenIDProvider, *, asked: str, named: str | None = None) -> dict[str, str]:
    """Makes a provider answer as Microsoft does; returns the environment that asks it.

    Args:
        provider: the tests' own.
        asked: common, organizations, consumers or a tenant.
        named: the tenant in the metadata's issuer; by default a placeholder.
    """
    provider.metadata |= {
        "issuer": issuer_of(provider, named or "{tenantid}"),
        "userinfo_endpoint": f"{provider.issuer}/oidc/userinfo",
    }
    provider.answers[f"/{asked}/v2.0/.well-known/openid-configuration"] = lambda _: json_answer(
        provider.metadata
    )
    provider.answers["/oidc/userinfo"] = lambda _: json_answer(
        {name: provider.person[name] for name in ("sub", "email", "name")}
    )
    tenant = named or TENANT
    provider.person |= {"tid": tenant, "ver": "2.0", "oid": "00000000-0000-0000-66f3-3332eca7ea81"}
    provider.changes = {"iss": issuer_of(provider, tenant), "email_verified": None, "picture": None}
    return {
        "PROVIDERS": "microsoft",
        "MICROSOFT_ISSUER": issuer_of(provider, asked),
        "MICROSOFT_CLIENT_ID": CLIENT_ID,
        "MICROSOFT_CLIENT_SECRET": CLIENT_SECRET,
    }
