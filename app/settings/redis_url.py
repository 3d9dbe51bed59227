"""What REDIS_URL describes: a connection, with redis-py's options after `?`."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from redis.connection import AbstractConnection, Connection, parse_url

POOL_OPTIONS = frozenset({"max_connections", "timeout"})
"""Of redis-py's own pools, which this service does without; a URL made for another service may have them."""


def make_connection(url: str, **settings: Any) -> AbstractConnection:  # noqa: ANN401  # redis-py's own
    """A connection that is not made yet.

    Args:
        url: REDIS_URL.
        settings: redis-py's options of a connection; they win over the URL's.

    Raises:
        Exception: of many kinds, for an option or a value that redis-py does not take.
    """
    options = {name: value for name, value in parse_url(url).items() if name not in POOL_OPTIONS}
    kind = options.pop("connection_class", Connection)
    connection: AbstractConnection = kind(**options | settings)
    return connection


def faulty_options(url: str) -> list[str]:
    """Names of the URL's options that redis-py does not take; all of them if it is their combination."""
    if _is_usable(url):
        return []
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    alone = {name: f"{parts.scheme}://?{urlencode({name: value})}" for name, value in options.items()}
    return [name for name, single in alone.items() if not _is_usable(single)] or list(options)


def _is_usable(url: str) -> bool:
    try:
        make_connection(url)
    except Exception:  # noqa: BLE001  # redis-py raises what its parsers and constructors happen to raise
        return False
    return True
