"""Room for thousands of connections in one process."""

import resource

ENOUGH = 6000


def allow_open_files(count: int = ENOUGH) -> None:
    """Raises this process's own limit, where it is lower; what it starts inherits it.

    Raises:
        ValueError: the machine does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
