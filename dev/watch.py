"""Which files changed since the last look."""

from collections.abc import Sequence
from pathlib import Path

SUFFIXES = frozenset({".css", ".html", ".js", ".json", ".py", ".sql"})


class Watch:
    """Looks at the times of all files in some folders, which works on every platform.

    Args:
        root: what the names of files are told from.
        folders: below it; code, SQL and templates in them are looked at.
    """

    def __init__(self, root: Path, folders: Sequence[str]) -> None:
        self._root = root
        self._folders = [root / folder for folder in folders]
        self._seen = self._look()

    def changed(self) -> list[str]:
        """The files that are new, other or gone since the last call, sorted."""
        now, before = self._look(), self._seen
        self._seen = now
        names = {path for path in now.keys() | before.keys() if now.get(path) != before.get(path)}
        return sorted(str(path.relative_to(self._root)) for path in names)

    def _look(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for folder in self._folders:
            for path in folder.rglob("*"):
                if path.suffix in SUFFIXES and not path.name.startswith("."):
                    try:
                        status = path.stat()
                    except FileNotFoundError:
                        continue
                    found[path] = (status.st_mtime_ns, status.st_size)
        return found
