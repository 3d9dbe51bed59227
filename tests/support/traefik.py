"""A real Traefik over a configuration of the test's own, and labels as it reads them."""

import ssl
from collections.abc import Sequence
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # schemathesis brings it, nobody its types

from tests.support.outside_server import OutsideServer
from tests.support.service import free_port

ENTRY_POINT = "https"


class Traefik(OutsideServer):
    """Serves routers over TLS on `port`.

    Args:
        http: what stands below `http` in a file of the file provider.
        certificate: of every host, with its key.
        host: of a router whose `/` is found.
        options: of the command line, besides those that a test needs.
        folder: for its configuration and whatever it writes.
    """

    def __init__(
        self, http: dict[str, Any], *, host: str, certificate: Path, folder: Path, options: Sequence[str]
    ) -> None:
        port = free_port()
        tls = {"certificates": [{"certFile": str(certificate), "keyFile": str(certificate)}]}
        file = folder / "dynamic.yml"
        file.write_text(yaml.safe_dump({"http": http, "tls": tls}), encoding="utf-8")
        command = [
            "traefik",
            f"--entrypoints.{ENTRY_POINT}.address=127.0.0.1:{port}",
            f"--providers.file.filename={file}",
            "--global.checknewversion=false",
            *options,
        ]
        super().__init__(command, port=port, folder=folder)
        self._host = host

    def _is_ready(self) -> bool:
        """It listens before it has read the file."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with closing(HTTPSConnection("127.0.0.1", self.port, context=context, timeout=5)) as connection:
            connection.request("GET", "/", headers={"Host": self._host})
            return connection.getresponse().status != HTTPStatus.NOT_FOUND


def labels_as_a_tree(text: str) -> dict[str, Any]:
    """The tree that the lines stand for, from what is below `traefik.http`."""
    tree: dict[str, Any] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        *path, last = name.removeprefix("traefik.http.").split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return tree
