"""Where requests wait. They are greenlets of one thread: while one waits, the others go on."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from typing import ParamSpec, Protocol, TypeVar

from greenlet import getcurrent, greenlet

from app.waiting.poller import ONE_SHOT, Poller

IN_TIME, LATE = True, False

Result = TypeVar("Result")
Params = ParamSpec("Params")


class NoThreadError(Exception):
    """The operating system gives this process no more threads."""


class Event(Protocol):
    """What waiting needs of `threading.Event`."""

    def set(self) -> None: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Hub:
    """Where the greenlets of a loop wait. A thread without a loop just blocks here, as it always would.

    The loop calls `begin`, then `patience`, `resume` and `go_on` again and again, and `end`. The greenlets
    that it starts call the others. So may every other thread, except `await_socket`.
    """

    def __init__(self) -> None:
        self._thread: int | None = None
        self._loop = getcurrent()
        self._poller: Poller | None = None
        self._wake: Callable[[], object] = lambda: None
        self._by_socket: dict[int, greenlet] = {}
        self._deadlines: dict[greenlet, float] = {}
        self._nearest = math.inf
        self._set: deque[_GreenletEvent] = deque()

    def begin(self, poller: Poller, wake: Callable[[], object]) -> None:
        """The caller is the loop.

        Args:
            poller: which it polls.
            wake: makes the poller return, called by any thread.
        """
        self._loop, self._poller, self._wake = getcurrent(), poller, wake
        self._thread = threading.get_ident()

    def end(self) -> None:
        """The loop is over. Greenlets that still wait are forgotten."""
        self._thread = None

    def has_greenlet(self) -> bool:
        """Whether the caller is a greenlet of the loop, so that others can go on while it waits."""
        return threading.get_ident() == self._thread and getcurrent() is not self._loop

    def await_socket(self, fd: int, event: int, deadline: float) -> bool:
        """Waits as a greenlet until a socket is ready; returns False where it is not in time.

        Args:
            fd: its descriptor.
            event: for the poller.
            deadline: monotonic seconds.
        """
        poller = self._poller
        if poller is None:
            raise RuntimeError("no greenlet of a loop called this")
        try:
            poller.modify(fd, event | ONE_SHOT)
        except FileNotFoundError:
            poller.register(fd, event | ONE_SHOT)
        self._by_socket[fd] = getcurrent()
        is_ready = False
        try:
            is_ready = self.park(deadline)
        finally:
            if not is_ready:
                self._by_socket.pop(fd, None)
                with suppress(OSError):
                    poller.unregister(fd)
        return is_ready

    def in_thread(
        self, call: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs
    ) -> Result:
        """Calls what blocks: in a thread of its own, where greenlets would have to wait for it.

        Raises:
            NoThreadError: this process may have no more threads.
        """
        if not self.has_greenlet():
            return call(*args, **kwargs)
        outcome: Future[Result] = Future()
        done = self.event()
        context = copy_context()

        def run() -> None:
            try:
                outcome.set_result(context.run(call, *args, **kwargs))
            except BaseException as error:  # noqa: BLE001  # it is the caller's
                outcome.set_exception(error)
            done.set()

        try:
            # A stop must not wait for it. What blocks takes far longer than a thread's start.
            threading.Thread(target=run, name="waiting", daemon=True).start()
        except RuntimeError as error:
            raise NoThreadError(str(error)) from error
        done.wait()
        return outcome.result()

    def event(self) -> Event:
        """An event that only the caller waits for; any thread may set it."""
        return _GreenletEvent(self) if self.has_greenlet() else threading.Event()

    def patience(self, most: float) -> float:
        """How many seconds the loop may poll, so that nobody waits beyond their deadline."""
        if self._set:
            return 0.0
        if self._nearest is math.inf:
            return most
        return max(0.0, min(self._nearest - time.monotonic(), most))

    def resume(self, fd: int) -> bool:
        """Goes on with the greenlet that waits for this socket; returns False where none does."""
        waiting = self._by_socket.pop(fd, None)
        if waiting is None:
            return False
        waiting.switch(IN_TIME)
        return True

    def go_on(self) -> None:
        """Goes on with the greenlets whose event is set, then with those whose time is over."""
        while self._set:
            if waiting := self._set.popleft().waiting:
                waiting.switch(IN_TIME)
        now = time.monotonic()
        if now < self._nearest:
            return
        for waiting, deadline in list(self._deadlines.items()):
            # An earlier one of them may have woken it.
            if deadline <= now and self._deadlines.get(waiting) == deadline:
                waiting.switch(LATE)
        self._nearest = min(self._deadlines.values(), default=math.inf)

    def note_set(self, event: "_GreenletEvent") -> None:
        """The loop shall go on with who waits for this event. Called by any thread."""
        self._set.append(event)
        if threading.get_ident() != self._thread:
            self._wake()

    def park(self, deadline: float) -> bool:
        """Gives way to the loop; returns whether it goes on before the deadline."""
        me = getcurrent()
        self._deadlines[me] = deadline
        self._nearest = min(self._nearest, deadline)
        try:
            return bool(self._loop.switch())
        finally:
            del self._deadlines[me]


class _GreenletEvent:
    """An event for one greenlet.

    Attributes:
        waiting: the greenlet, while it waits.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._is_set = False
        self.waiting: greenlet | None = None

    def set(self) -> None:
        self._is_set = True
        self._hub.note_set(self)

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting = getcurrent()
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        try:
            return self._is_set or self._hub.park(deadline)
        finally:
            self.waiting = None


BLOCKING = Hub()
"""Has no loop: whoever waits here blocks their thread."""
