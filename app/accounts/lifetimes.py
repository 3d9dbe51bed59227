"""How long sessions live."""

from datetime import timedelta

LIFETIME = timedelta(days=30)
"""Nothing extends it."""
IDLE_LIMIT = timedelta(days=7)
SLIDE_INTERVAL = timedelta(minutes=5)
"""A check extends the idle limit at most this often, so that most checks only read."""
PENDING_LIFETIME = timedelta(hours=1)
"""The lifetime of a session whose person has not registered yet."""
