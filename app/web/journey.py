"""Where somebody is on the way to a provider and back, for the answer to a sign-in that fails."""

from urllib.parse import urlencode, urlsplit

import falcon

NO_PROVIDER = "none"
"""The metrics' label where no provider was asked."""


def set_provider(req: falcon.Request, name: str) -> None:
    """Notes which provider a request is about; it must be one of PROVIDERS."""
    req.context.provider = name


def provider_of(req: falcon.Request) -> str:
    """The provider that a request is about, or NO_PROVIDER."""
    return getattr(req.context, "provider", NO_PROVIDER)


def set_finished_sign_in(req: falcon.Request) -> None:
    """Notes that a client has finished a sign-in that it began."""
    req.context.has_finished_sign_in = True


def has_finished_sign_in(req: falcon.Request) -> bool:
    """Whether `set_finished_sign_in` was called."""
    return getattr(req.context, "has_finished_sign_in", False)


def set_failure_page(req: falcon.Request, url: str) -> None:
    """Notes where somebody goes back to if linking an identity fails."""
    req.context.failure_page = url


def failure_page_of(req: falcon.Request) -> str | None:
    """The page that `set_failure_page` noted; None where somebody signs in."""
    return getattr(req.context, "failure_page", None)


def with_error(url: str, code: str) -> str:
    """The URL with the parameter `error` added to its query."""
    parts = urlsplit(url)
    error = urlencode({"error": code})
    return parts._replace(query=f"{parts.query}&{error}" if parts.query else error).geturl()
