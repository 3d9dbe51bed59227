"""Ctrl-C and SIGTERM, from the first moment of `bin/setup` and `bin/dev` to their last.

A terminal's Ctrl-C and a supervisor's SIGTERM may come together, so only the first of them counts.
"""

import os
import signal
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def end_at_once(sentence: str, exit_code: int) -> None:
    """Until `raise_interrupt`, either signal ends the process: nothing has begun that needs stopping.

    bin/setup and bin/python block both, as Python answers Ctrl-C with a traceback while it starts.
    """

    def end(_signal: int, _frame: FrameType | None) -> NoReturn:
        os.write(2, f"\n{sentence}\n".encode())
        os._exit(exit_code)

    for number in SIGNALS:
        signal.signal(number, end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def raise_interrupt() -> None:
    """From now on the first signal raises KeyboardInterrupt, and later ones do nothing."""

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        ignore()
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, interrupt)


def ignore() -> None:
    """From now on both do nothing: what stops is not stopped again.

    With SIG_IGN Python complains of a signal that it has noted already, and children inherit it.
    """
    for number in SIGNALS:
        signal.signal(number, lambda _signal, _frame: None)
