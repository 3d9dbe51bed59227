"""Microsoft Entra, as learn.microsoft.com describes the v2.0 endpoints of the identity platform."""

import base64
import json
import secrets
import time
import uuid
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.identity.emulated.emulation import Emulation, Parameters, json_with
from tests.support.log_watch import WATCH
from tests.support.provider import Answer
from tests.support.tls import CertificateAuthority

CLIENT = {
    "MICROSOFT_CLIENT_ID": "00001111-aaaa-2222-bbbb-3333cccc4444",
    "MICROSOFT_CLIENT_SECRET": "A1bC2~dE3fH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3a",
}
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal accounts."""
USERINFO = "/oidc/userinfo"


class Microsoft(Emulation):
    """Like the real one it names an issuer with a placeholder, and gives keys without `alg`.

    Attributes:
        tenant: of the path: common, organizations, consumers or a GUID.
        tid: the tenant of whoever signs in next.
        person: the claims about them.
        changes: claims put over those of the next ID tokens; None takes a claim out.
        metadata: discovery's fields, to be changed in place.
        userinfo: what Microsoft Graph says.
    """

    hosts = ("login.microsoftonline.com", "graph.microsoft.com")

    def __init__(self, authority: CertificateAuthority, tenant: str = "common") -> None:
        super().__init__(authority)
        self.key = _key()
        self.tenant = tenant
        self.tid = str(uuid.uuid4())
        self.changes: dict[str, Any] = {}
        name = secrets.token_hex(4)
        self.person: dict[str, Any] = {
            "sub": secrets.token_urlsafe(32),
            "oid": str(uuid.uuid4()),
            "name": "Ada Lovelace",
            "preferred_username": f"{name}@example.com",
            "email": f"{name}@example.com",
            "xms_edov": True,
        }
        self.userinfo: dict[str, Any] = {
            "sub": self.person["sub"],
            "name": "Ada Lovelace",
            "picture": "https://graph.microsoft.com/v1.0/me/photo/$value",
            "email": self.person["email"],
        }
        site = f"https://{self.hosts[0]}"
        named = CONSUMERS if tenant == "consumers" else tenant if _is_guid(tenant) else "{tenantid}"
        self.metadata: dict[str, Any] = {
            "token_endpoint": f"{site}/{tenant}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
                "self_signed_tls_client_auth",
            ],
            "jwks_uri": f"{site}/{tenant}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{site}/{named}/v2.0",
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": f"https://{self.hosts[1]}{USERINFO}",
            "authorization_endpoint": f"{site}/{tenant}/oauth2/v2.0/authorize",
            "http_logout_supported": True,
            "frontchannel_logout_supported": True,
            "end_session_endpoint": f"{site}/{tenant}/oauth2/v2.0/logout",
            "tenant_region_scope": None,
            "cloud_instance_name": "microsoftonline.com",
        }

    @property
    def token_path(self) -> str:
        return f"/{self.tenant}/oauth2/v2.0/token"

    @property
    def keys_path(self) -> str:
        return f"/{self.tenant}/discovery/v2.0/keys"

    @property
    def discovery_path(self) -> str:
        return f"/{self.tenant}/v2.0/.well-known/openid-configuration"

    def honest_answer(self, path: str, parameters: Parameters) -> Answer:
        if path == self.discovery_path:
            return json_with(self.metadata)
        if path == self.keys_path:
            return json_with({"keys": [self._public_key()]})
        if path == f"/{self.tenant}/oauth2/v2.0/authorize":
            return self.code_for(parameters, session_state=str(uuid.uuid4()))
        if path == self.token_path:
            return self._token(parameters)
        if path == USERINFO:
            return json_with(self.userinfo)
        return json_with({}, 404)

    def signed(self, claims: dict[str, Any]) -> str:
        headers = {"kid": "first"}
        return jwt.PyJWS().encode(json.dumps(claims).encode(), self.key, algorithm="RS256", headers=headers)

    def _public_key(self) -> dict[str, Any]:
        site = f"https://{self.hosts[0]}"
        jwk = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        named = {"kid": "first", "use": "sig", "x5t": "first", "issuer": f"{site}/{{tenantid}}/v2.0"}
        return {name: jwk[name] for name in ("kty", "n", "e")} | named

    def _token(self, parameters: Parameters) -> Answer:
        client = _client(parameters)
        if client != tuple(CLIENT.values()):
            return error("invalid_client", 7000215, 401)
        asked = self.asked_with(parameters | {"client_id": client[0]})
        if asked is None:
            return error("invalid_grant", 54005)
        now = int(time.time())
        claims = {
            "iss": f"https://{self.hosts[0]}/{self.tid}/v2.0", "aud": asked["client_id"], "tid": self.tid,
            "iat": now, "nbf": now, "exp": now + 3600, "nonce": asked.get("nonce"), "ver": "2.0",
            "aio": "opaque", "rh": "opaque", "uti": "opaque", **self.person, **self.changes,
        }  # fmt: skip
        id_token = self.signed({name: value for name, value in claims.items() if value is not None})
        WATCH.secret("ID token", id_token)
        WATCH.email(claims.get("email"))
        return json_with(
            {
                "token_type": "Bearer",
                "scope": "email openid profile",
                "expires_in": 3599,
                "ext_expires_in": 3599,
                "access_token": "EwBwA8l6BAAUO9chh8cJscQLmU",
                "id_token": id_token,
            }
        )


def error(code: str, number: int, status: int = 400) -> Answer:
    """As the token endpoint gives them."""
    return json_with(
        {
            "error": code,
            "error_description": f"AADSTS{number}: As documented.\r\nTrace ID: 0000aaaa\r\nTimestamp: now",
            "error_codes": [number],
            "timestamp": "2026-01-09 02:02:12Z",
            "trace_id": str(uuid.UUID(int=0)),
            "correlation_id": str(uuid.UUID(int=0)),
        },
        status,
    )


def _client(parameters: Parameters) -> tuple[str, ...]:
    """The credentials of the form or of HTTP Basic."""
    scheme, _, credentials = parameters.get("header:authorization", "").partition(" ")
    if scheme == "Basic":
        return tuple(base64.b64decode(credentials).decode().replace("%7E", "~").split(":"))
    return parameters.get("client_id", ""), parameters.get("client_secret", "")


@cache
def _key() -> rsa.RSAPrivateKey:
    """One for the whole run; making it takes longer than most tests."""
    return rsa.generate_private_key(65537, 2048)


def _is_guid(tenant: str) -> bool:
    return len(tenant) == 36  # its characters
