"""The service as the Node backend's deployment guide sets it up: its variables, a password over TCP."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from dev.postgres import EmbeddedPostgres
from tests.support.service import Process, Service, free_port

USER = "coolify"
PASSWORD = "p@ss/w:rd %40?#"


@dataclass(frozen=True, slots=True)
class OriginalDatabase:
    """An empty database behind a password.

    Attributes:
        port: on 127.0.0.1.
        name: its owner is USER.
        url: for the test itself, without a password.
    """

    port: int
    name: str
    url: str

    def environ(self) -> dict[str, str]:
        """The guide's required variables."""
        return {
            "NODE_ENV": "production",
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_USER": USER,
            "DB_PASSWORD": PASSWORD,
            "DB_NAME": self.name,
            "SESSION_SECRET": "bC0b7bRPYrhTBOkCLFCqC6mUQRv0SJ2IqQzvvIb0ORI=",
            "GOOGLE_CLIENT_ID": "1234-abcd.apps.googleusercontent.com",
            "GOOGLE_CLIENT_SECRET": "GOCSPX-abcd",
            "ALLOWED_ORIGINS": "https://your-frontend-domain.com,https://app.yourdomain.com",
            "WEBAPP_URL": "https://your-frontend-domain.com",
            "VITE_API_URL": "https://api.your-frontend-domain.com",
        }


def create_original_database(postgres: EmbeddedPostgres, *, port: int) -> OriginalDatabase:
    """A new database of the guide's user, who is made where missing."""
    name = f"connected_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (USER,)).fetchone():
            connection.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE template0")
    return OriginalDatabase(port, name, postgres.url(name))


class OriginalService(Service):
    """`bin/start`, of this tree or another, with the given variables and PORT, and no others."""

    def __init__(self, environ: Mapping[str, str], *, command: str = "bin/start") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        Process.__init__(self, command, environ={"PORT": str(self.port), **environ})
