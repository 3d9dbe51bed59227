"""A real nginx over a configuration of the test's own."""

from pathlib import Path

from tests.support.outside_server import OutsideServer

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx(OutsideServer):
    """Serves what stands inside `http { }`.

    Args:
        http: the configuration; `port` must be one of its listeners.
        port: a port it listens on.
        folder: for its configuration and whatever it writes.
    """

    def __init__(self, http: str, *, port: int, folder: Path) -> None:
        folders = "\n".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
        main = f"""
            daemon off;
            master_process off;
            pid {folder}/nginx.pid;
            error_log stderr;
            events {{ }}
            http {{
                access_log off;
                {folders}
                {http}
            }}
        """
        configuration = folder / "nginx.conf"
        configuration.write_text(main, encoding="utf-8")
        command = ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
        super().__init__(command, port=port, folder=folder)
