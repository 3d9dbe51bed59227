"""The largest answer that the service gives to anybody."""

import re

import requests

SCRIPT = re.compile(r'src="(docs/\w+/swagger-ui-bundle\.js)"')


def largest_path(port: int) -> str:
    """Its path at the service, or the proxy before it, on this port."""
    page = requests.get(f"http://127.0.0.1:{port}/docs", timeout=30).text
    [path] = SCRIPT.findall(page)
    return f"/{path}"
