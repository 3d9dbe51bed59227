"""One person with identities at three providers that no one here wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import WEBAPP
from tests.identity.outside.node_provider import running
from tests.identity.outside.pages import PersonAtProvider, path_of
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, client_at
from tests.support.visitor import Visitor

pytestmark = pytest.mark.full

NAMES = ["certified", "npm", "pypi"]
CLIENT = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "redirect_uris": ["http://localhost:3000/auth/callback/certified"],
}
JOHN = {"email": "john@example.com", "email_verified": True}


def test_each_leads_to_the_same_person(
    npm_folder: Path, python_mock: str, make_app: Callable[..., Any]
) -> None:
    grace = PersonAtProvider("grace")
    with (
        running("oidc_provider.js", npm_folder, client=CLIENT, configuration={}) as certified,
        running("oauth2_mock_server.js", npm_folder, algorithm="RS256", claims=JOHN) as node_mock,
    ):
        environ: dict[str, str] = {}
        for name, issuer in zip(NAMES, [certified, node_mock, python_mock], strict=True):
            environ |= client_at(issuer, name)
        app = make_app(**environ | {"PROVIDERS": ",".join(NAMES)})
        visitor = Visitor(app, origin=WEBAPP)
        grace.sign_in(visitor, "/auth/login?provider=certified")
        person = visitor.post("/auth/register").json
        for name in NAMES[1:]:
            answer = visitor.post("/auth/identities", json={"provider": name})
            done = visitor.get(path_of(grace.go_through(answer.json["authorization_url"])))
            assert "error" not in done.headers["location"]

        identities = visitor.get("/auth/identities").json["identities"]
        assert {item["provider"]: item["email"] for item in identities} == {
            "certified": "grace@example.com",
            "npm": "john@example.com",
            "pypi": "grace@example.com",
        }
        for name in NAMES:
            elsewhere = Visitor(app, origin=WEBAPP)
            grace.sign_in(elsewhere, f"/auth/login?provider={name}")
            assert elsewhere.get("/auth/user").json == person
    grace.close()
