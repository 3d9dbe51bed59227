"""GitHub, as docs.github.com describes its OAuth apps and what its REST API says of the signed-in user."""

import secrets
from typing import Any

from tests.identity.emulated.emulation import Emulation, Parameters, json_with
from tests.support.log_watch import WATCH
from tests.support.provider import Answer
from tests.support.tls import CertificateAuthority

AUTHORIZE, TOKEN, USER, EMAILS = (
    "/login/oauth/authorize",
    "/login/oauth/access_token",
    "/user",
    "/user/emails",
)
CLIENT = {"GITHUB_CLIENT_ID": "Iv1.0123456789abcdef", "GITHUB_CLIENT_SECRET": "0123456789abcdef" * 2}
DOCUMENTATION = "https://docs.github.com/rest"


class GitHub(Emulation):
    """Like the real one it gives errors of the token endpoint with 200, and forms to whom asks for no JSON.

    Attributes:
        user: what /user says of whoever signs in next.
        emails: what /user/emails says.
    """

    hosts = ("github.com", "api.github.com")

    def __init__(self, authority: CertificateAuthority) -> None:
        super().__init__(authority)
        number = secrets.randbelow(10**8)
        self.user: dict[str, Any] = {
            "login": "octocat",
            "id": number,
            "node_id": "MDQ6VXNlcjE=",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
            "type": "User",
            "name": "monalisa octocat",
            "email": None,
        }
        self.emails: object = [
            {"email": f"old{number}@example.com", "verified": True, "primary": False, "visibility": None},
            {
                "email": f"octocat{number}@example.com",
                "verified": True,
                "primary": True,
                "visibility": "private",
            },
        ]
        self._tokens: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"octocat{self.user['id']}@example.com"

    def honest_answer(self, path: str, parameters: Parameters) -> Answer:
        path = path.removeprefix("/api/v3")
        if path == AUTHORIZE:
            return self.code_for(parameters)
        if path == TOKEN:
            return self._token(parameters)
        if path in {USER, EMAILS}:
            return self._about_user(path, parameters)
        return json_with({"message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404"}, 404)

    def _token(self, parameters: Parameters) -> Answer:
        if parameters.get("header:accept") != "application/json":
            return (
                200,
                {"Content-Type": "application/x-www-form-urlencoded"},
                b"access_token=gho_1&scope=user",
            )
        if parameters.get("client_secret") != CLIENT["GITHUB_CLIENT_SECRET"]:
            return error("incorrect_client_credentials")
        asked = self.asked_with(parameters)
        if asked is None:
            return error("bad_verification_code")
        token = f"gho_{secrets.token_hex(18)}"
        WATCH.secret("GitHub's token", token)
        self._tokens[token] = asked.get("scope", "")
        scope = asked.get("scope", "").replace(" ", ",")
        return json_with({"access_token": token, "scope": scope, "token_type": "bearer"})

    def _about_user(self, path: str, parameters: Parameters) -> Answer:
        if not parameters.get("header:user-agent"):
            return 403, {"Content-Type": "text/plain"}, b"Request forbidden by administrative rules."
        _, _, token = parameters.get("header:authorization", "").partition(" ")
        if token not in self._tokens:
            return json_with({"message": "Bad credentials", "status": "401"}, 401)
        if path == USER:
            return json_with(self.user)
        if not {"user", "user:email"} & set(self._tokens[token].split()):
            return json_with({"message": "Not Found", "status": "404"}, 404)
        first_page = int(parameters.get("per_page", "30"))
        return json_with(self.emails[:first_page] if isinstance(self.emails, list) else self.emails)


def error(code: str) -> Answer:
    """The token endpoint's, which come with 200."""
    return json_with({"error": code, "error_description": "As documented.", "error_uri": DOCUMENTATION})


def rate_limited(status: int) -> Answer:
    """The primary rate limit."""
    return json_with(
        {"message": "API rate limit exceeded for user ID 1.", "documentation_url": DOCUMENTATION},
        status,
        x_ratelimit_limit="5000",
        x_ratelimit_remaining="0",
        x_ratelimit_reset="1893456000",
    )


def secondarily_limited() -> Answer:
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    return json_with({"message": message, "documentation_url": DOCUMENTATION}, 403, retry_after="60")
