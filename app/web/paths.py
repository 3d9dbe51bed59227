"""What several layers know of /auth/verify, which proxies ask about the requests of other applications."""

VERIFY_PATH = "/auth/verify"
IDENTITY_HEADERS = ("X-Auth-User-Id", "X-Auth-Email", "X-Auth-Name")
"""Told to the application behind the proxy; on every answer, so that a client's own never stay."""
