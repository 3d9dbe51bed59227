"""SIGTERM and Ctrl-C: the running statement is cancelled, and the process ends within two seconds."""

import os
import signal
import threading
from typing import NoReturn

from app.commands.errors import Exit, TerminatedError

GRACE = 1.5
"""Seconds the server has to confirm the cancellation; after that the process ends without it."""


def raise_on_sigterm() -> None:
    """Makes SIGTERM and SIGINT raise TerminatedError, upon which psycopg cancels the running statement.

    Raises:
        TerminatedError: one of them arrived while it was blocked.
    """

    def terminate(_signal: int, _frame: object) -> NoReturn:
        # Of one that has come meanwhile, Python would complain with SIG_IGN.
        signal.signal(signal.SIGTERM, lambda _signal, _frame: None)
        signal.signal(signal.SIGINT, lambda _signal, _frame: None)
        # The main thread may be waiting for the server, so another one counts the seconds.
        watchdog = threading.Timer(GRACE, os._exit, (Exit.TERMINATED,))
        watchdog.daemon = True
        watchdog.start()
        raise TerminatedError

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, terminate)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
