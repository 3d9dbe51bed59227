from datetime import datetime, timedelta
from uuid import UUID

import falcon

from app.accounts.api_tokens import APITokens
from app.errors import InvalidFieldError, TokenNotFoundError
from app.models import APIToken
from app.telemetry.logs import rfc3339
from app.web.authentication import Authentication
from app.web.json_body import days_field, name_field, read_object
from app.web.paths import HeadMixin

FIELDS = frozenset({"name", "expires_in_days"})


class TokensResource(HeadMixin):
    """`/auth/tokens`: the caller's API tokens."""

    def __init__(self, *, authentication: Authentication, tokens: APITokens) -> None:
        self._authentication = authentication
        self._tokens = tokens

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        _, user = self._authentication.get_user(req, resp)
        resp.media = {
            "tokens": [
                {**_media(token), "last_used_at": _moment(token.last_used_at)}
                for token in self._tokens.list_of(user)
            ]
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        _, user = self._authentication.get_user_session(req, resp)
        body = read_object(req, FIELDS)
        name = name_field(body)
        if name is None:
            raise InvalidFieldError("name is required.")
        days = days_field(body, "expires_in_days")
        token, secret = self._tokens.create(user, name, lifetime=timedelta(days=days) if days else None)
        resp.status = 201
        resp.media = {**_media(token), "token": secret}


class TokenResource:
    """`/auth/tokens/{token_id}`: one of the caller's API tokens."""

    def __init__(self, *, authentication: Authentication, tokens: APITokens) -> None:
        self._authentication = authentication
        self._tokens = tokens

    def on_delete(self, req: falcon.Request, resp: falcon.Response, token_id: str) -> None:
        _, user = self._authentication.get_user_session(req, resp)
        try:
            revoked = UUID(token_id)
        except ValueError as error:
            raise TokenNotFoundError from error
        self._tokens.revoke(revoked, user)
        resp.status = 204


def _media(token: APIToken) -> dict[str, str | None]:
    return {
        "id": str(token.id),
        "name": token.name,
        "created_at": rfc3339(token.created_at),
        "expires_at": _moment(token.expires_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
