"""What is promised, in seconds."""

RECOVERY_LIMIT = 5
"""From the end of a cause to the last failure."""
