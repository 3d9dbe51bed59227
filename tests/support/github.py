"""GitHub's documented answers, on the tests' own provider: it speaks OAuth 2.0, and no OpenID Connect.

After "Authorizing OAuth apps" and "REST API endpoints for users" of GitHub's documentation.
"""

import json
from typing import Any

from tests.support.provider import CLIENT_ID, CLIENT_SECRET, Answer, OpenIDProvider, json_answer

LOGIN = "/login/oauth"
API = "/api/v3"


class GitHub:
    """Answers as an Enterprise Server at the provider's address.

    A test changes what it says:

    Attributes:
        user: of /user.
        emails: of /user/emails.
        server: the provider, whose `answers` take these places over.
    """

    def __init__(self, server: OpenIDProvider) -> None:
        self.server = server
        self.user: dict[str, Any] = {
            "login": "octocat",
            "id": 583231,
            "name": "The Octocat",
            "email": None,
            "avatar_url": "https://avatars.example.com/u/583231",
            "type": "User",
        }
        self.emails: Any = [
            {"email": "private@example.com", "primary": False, "verified": True, "visibility": None},
            {"email": "Octocat@Example.com", "primary": True, "verified": True, "visibility": "public"},
        ]
        server.metadata.clear()
        server.answers |= {
            f"{LOGIN}/authorize": lambda given: server.honest_answer("/authorize", given),
            f"{LOGIN}/access_token": self.token,
            f"{API}/user": lambda given: self._protected(given, self.user),
            f"{API}/user/emails": lambda given: self._protected(given, self.emails),
        }

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PROVIDERS": "github",
            "GITHUB_URL": self.server.issuer,
            "GITHUB_CLIENT_ID": CLIENT_ID,
            "GITHUB_CLIENT_SECRET": CLIENT_SECRET,
        }

    def token(self, given: dict[str, str]) -> Answer:
        """Errors have status 200; scopes have commas between them."""
        status, _, body = self.server.honest_answer("/token", given)
        if status != 200:
            return json_answer({"error": "bad_verification_code", "error_description": "The code passed ..."})
        token = json.loads(body)["access_token"]
        return json_answer({"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"})

    def _protected(self, given: dict[str, str], value: object) -> Answer:
        if given.get("bearer") != self.server.access_token:
            return json_answer({"message": "Bad credentials", "status": "401"}, 401)
        return json_answer(value)
