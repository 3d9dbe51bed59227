import falcon

from app.accounts.access_tokens import AccessTokens
from app.web.authentication import Authentication
from app.web.json_body import audience_field, read_object
from app.web.paths import KEY_SET, HeadMixin

FIELDS = frozenset({"audience"})
CACHE_CONTROL = "public, max-age=300"


class AccessTokenResource:
    """`/auth/token`: a token by which another service knows the caller."""

    def __init__(
        self, *, authentication: Authentication, access_tokens: AccessTokens, webapp_origin: str
    ) -> None:
        self._authentication = authentication
        self._access_tokens = access_tokens
        self._webapp_origin = webapp_origin

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        caller, user = self._authentication.get_user(req, resp)
        body = read_object(req, FIELDS, may_be_empty=True)
        token = self._access_tokens.issue(
            user,
            client_id=f"api-token:{caller.token_id}" if caller.token_id else self._webapp_origin,
            session_id=caller.session_id,
            audience=audience_field(body),
        )
        resp.media = {"access_token": token.text, "token_type": "Bearer", "expires_in": token.lifetime}


class KeySetResource(HeadMixin):
    """`/.well-known/jwks.json`: the keys by which others verify the tokens."""

    def __init__(self, *, access_tokens: AccessTokens) -> None:
        self._key_set = access_tokens.key_set()

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", CACHE_CONTROL)
        resp.media = self._key_set


class AuthorizationServerResource(HeadMixin):
    """`/.well-known/oauth-authorization-server`: where the keys are (RFC 8414). There is no OAuth grant."""

    def __init__(self, *, issuer: str) -> None:
        self._metadata = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}{KEY_SET}",
            "response_types_supported": [],
            "grant_types_supported": [],
        }

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.set_header("Cache-Control", CACHE_CONTROL)
        resp.media = self._metadata
