"""Pages of the service's own: HTML without script, in light and dark."""

import base64
import hashlib
from html import escape

import falcon

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fff; --line: #767676; --accent: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f0f0f0; --paper: #161616; --line: #8f8f8f; --accent: #8ab4f8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.125rem/1.5 system-ui, sans-serif; }
main { max-width: 24rem; margin: 12vh auto 2rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 1.5rem; font-size: 1.5rem; line-height: 1.25; }
ul { margin: 0; padding: 0; list-style: none; }
li { margin: 0.75rem 0; }
a { color: var(--accent); }
.choice { display: block; width: 100%; padding: 0.75rem 1rem; border: 1px solid var(--line);
  border-radius: 0.5rem; background: none; color: var(--ink); font: inherit; text-align: center;
  text-decoration: none; cursor: pointer; }
.choice:hover { border-color: var(--accent); text-decoration: underline; }
.choice:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; frame-ancestors 'none'; form-action "
)


def set_page(resp: falcon.Response, *, title: str, body: str, form_action: str = "'none'") -> None:
    """Makes a page the answer.

    Args:
        resp: the answer.
        title: plain text, and the heading.
        body: HTML below the heading, with every text in it escaped.
        form_action: the URLs that its forms may lead to.
    """
    heading = escape(title)
    resp.content_type = falcon.MEDIA_HTML
    resp.set_header("Content-Security-Policy", CONTENT_SECURITY_POLICY + form_action)
    resp.text = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{heading}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="robots" content="noindex">\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n<h1>{heading}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
