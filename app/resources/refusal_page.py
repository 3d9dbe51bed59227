"""The page for somebody who is signed in, but may not enter: who they are, and what they can do."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from string import Template

STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 15vh auto 0; padding: 0 1rem; }
h1 { font-size: 1.4rem; }
a, button { display: inline-block; font: inherit; padding: 0.5rem 1rem; margin: 0 0.5rem 0.5rem 0; }
form { display: inline; }
"""
HTML = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>No access</title>
<style>$style</style>
<main>
<h1>You have no access to this page</h1>
<p>You are signed in as <strong>$email</strong>. Ask whoever runs this site, or use another account.</p>
<a href="$login_url">Use another account</a>
<form method="post" action="$logout_url"><button>Sign out</button></form>
</main>
</html>
"""
)


class RefusalPage:
    """Renders the page, without script and without anything from elsewhere.

    Args:
        logout_url: of this service.
        webapp_url: where sign-out leads in the end.
    """

    def __init__(self, *, logout_url: str, webapp_url: str) -> None:
        digest = b64encode(sha256(STYLE.encode()).digest()).decode()
        self._logout_url = logout_url
        self.headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action {logout_url} {webapp_url}/; "
                "frame-ancestors 'none'; base-uri 'none'"
            ),
            # With no-referrer the browser would not say where the sign-out comes from.
            "Referrer-Policy": "strict-origin",
        }

    def render(self, *, email: str, login_url: str) -> bytes:
        return HTML.substitute(
            style=STYLE, email=escape(email), login_url=escape(login_url), logout_url=escape(self._logout_url)
        ).encode()
