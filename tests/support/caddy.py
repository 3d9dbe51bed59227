"""A real Caddy with certificates that were made before it started."""

from collections.abc import Iterable
from pathlib import Path

from tests.support.outside_server import OutsideServer
from tests.support.service import free_port


class Caddy(OutsideServer):
    """Serves a Caddyfile's sites over TLS on `port`; who speaks http there is sent to https.

    Args:
        sites: the Caddyfile without global options; its sites name no port.
        certificates: files with a certificate and its key each; Caddy makes none of its own for their names.
        folder: for its configuration and whatever it writes.
    """

    def __init__(self, sites: str, *, certificates: Iterable[Path], folder: Path) -> None:
        port = free_port()
        # What one site loads serves every name it is for.
        loaded = "\n".join(
            f"loader-{number}.invalid {{\ntls {path} {path}\n}}" for number, path in enumerate(certificates)
        )
        options = f"""
            {{
                admin off
                auto_https disable_redirects
                skip_install_trust
                http_port {free_port()}
                https_port {port}
                default_bind 127.0.0.1
                # One port for both, as a test has no other that a browser would try.
                servers {{
                    # As docs/forward-auth.md says.
                    max_header_size 32KiB
                    listener_wrappers {{
                        http_redirect
                        tls
                    }}
                }}
            }}
        """
        (folder / "Caddyfile").write_text(f"{options}\n{sites}\n{loaded}\n", encoding="utf-8")
        super().__init__(["caddy", "run", "--config", "Caddyfile"], port=port, folder=folder)
