"""Lends this machine's pip settings to the build, so that they are in no layer of the image.

They are put into a folder that is mounted over root's home while RUN steps run: that folder exists in
every base image, so not even an empty mount point stays behind.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

HOME_IN_BUILD = "/root"
KEPT = ("cert", "extra-index-url", "find-links", "index-url", "no-index", "proxy", "timeout", "trusted-host")
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
DEBIAN_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def mounts(home: Path) -> list[str]:
    """Fills the folder home; returns the volumes to mount, read-only, as HOST:CONTAINER:ro."""
    volumes = [f"{home}:{HOME_IN_BUILD}:ro"]
    lines = ["[global]"]
    settings = _settings()
    authorities = _authorities(settings.pop("cert", ""))
    for name, value in settings.items():
        words = []
        for word in value.split():
            local = Path(word.removeprefix("file://"))
            if not local.is_absolute():
                words.append(word)
            elif local.is_dir():
                # Its parent, because the pages of an index on disk link to files beside its folder.
                place = f"local-{len(volumes)}"
                (home / place).mkdir()
                volumes.append(f"{local.parent}:{HOME_IN_BUILD}/{place}:ro")
                words.append(word.replace(str(local.parent), f"{HOME_IN_BUILD}/{place}"))
        if words:
            lines.append(f"{name} = {' '.join(words)}")
    if authorities:
        shutil.copy(authorities, home / "authorities.pem")
        lines.append(f"cert = {HOME_IN_BUILD}/authorities.pem")
    file = home / ".config/pip/pip.conf"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return volumes


def _settings() -> dict[str, str]:
    """Returns what pip reads on this machine; the environment comes last and wins, as in pip."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, dict[str, str]] = {"file": {}, ":env:": {}}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        name = name.replace("default-timeout", "timeout")
        if section in ("global", "install", ":env:") and name in KEPT:
            found[section if section == ":env:" else "file"][name] = ast.literal_eval(value)
    return found["file"] | found[":env:"]


def _authorities(configured: str) -> str | None:
    """Returns the file of certificate authorities this machine trusts, if it keeps one."""
    places = [configured, *(os.environ.get(name, "") for name in AUTHORITIES), DEBIAN_AUTHORITIES]
    return next((place for place in places if place and Path(place).is_file()), None)
