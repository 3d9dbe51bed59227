"""ops/caddy/Caddyfile in a real Caddy, over plain HTTP, before replicas on this machine."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.outside_server import OutsideServer, program_path
from tests.support.service import ROOT, free_port

CADDYFILE = (ROOT / "ops" / "caddy" / "Caddyfile").read_text(encoding="utf-8")
UPSTREAMS = "backend-1:3000 backend-2:3000"


class ComposeProxy(OutsideServer):
    """Serves the API's host on `port`, whatever the request calls it.

    Args:
        upstreams: the replicas' ports.
        folder: for its configuration and whatever it writes.
        without: directives that are left out.
    """

    def __init__(self, upstreams: Sequence[int], *, folder: Path, without: Sequence[str] = ()) -> None:
        port = free_port()
        self._admin = f"127.0.0.1:{free_port()}"
        self._grafana = free_port()
        self._without = without
        self._file = folder / "Caddyfile"
        self._write(port, upstreams)
        super().__init__(["caddy", "run", "--config", "Caddyfile"], port=port, folder=folder)

    def point_at(self, upstreams: Sequence[int]) -> None:
        """Other replicas from now on, as a proxy that follows containers would."""
        self._write(self.port, upstreams)
        command = [program_path("caddy"), "reload", "--config", str(self._file), "--address", self._admin]
        subprocess.run(command, check=True, capture_output=True)

    def _write(self, port: int, upstreams: Sequence[int]) -> None:
        text = CADDYFILE
        for directive in self._without:
            text, count = re.subn(rf"^\s+{directive} .*\n", "", text, flags=re.MULTILINE)
            assert count, directive
        for name, value in {
            "{$API_HOST}": f"http://:{port}",
            "{$GRAFANA_HOST}": f"http://127.0.0.1:{self._grafana}",
            UPSTREAMS: " ".join(f"127.0.0.1:{upstream}" for upstream in upstreams),
            # Its port would be everybody's.
            "\n{\n": f"\n{{\n\tadmin {self._admin}\n\tdefault_bind 127.0.0.1\n",
        }.items():
            assert name in text
            text = text.replace(name, value, 1)
        self._file.write_text(text, encoding="utf-8")
