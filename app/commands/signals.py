"""SIGTERM and Ctrl-C: cancel what runs, roll back, and be gone within two seconds."""

import os
import signal
import threading
from typing import NoReturn

from app.commands.errors import Exit, TerminatedError

GRACE = 1.5
"""Seconds for the server to confirm; a server that does not answer notices by itself that we are gone."""


def raise_on_sigterm() -> None:
    """Makes SIGTERM and SIGINT raise TerminatedError, upon which psycopg cancels the running statement.

    Raises:
        TerminatedError: SIGTERM was blocked, and has come already.
    """

    def terminate(_signal: int, _frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # In a thread of its own, whatever the main one waits for.
        watchdog = threading.Timer(GRACE, os._exit, (Exit.TERMINATED,))
        watchdog.daemon = True
        watchdog.start()
        raise TerminatedError

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, terminate)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
