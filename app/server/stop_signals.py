"""The signals that stop a worker."""

import signal

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGQUIT, signal.SIGINT})
"""Blocked from the fork until the worker has its handlers for them."""
