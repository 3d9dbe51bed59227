"""Traefik's labels, as the tests read them: Traefik itself does not run here."""

from typing import Any


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
