"""The command line of `bin/users import`."""

import argparse
from collections.abc import Callable, Mapping

from app.commands.arguments import text
from app.housekeeping import arguments as words
from app.housekeeping.importing.action import import_users
from app.settings import parsers as parse
from app.settings import variables

DESCRIPTION = """\
Makes accounts of another backend's people. Says what it would do; --apply does it. Run it as often as you
like: who is there already stays as they are. docs/moving-from-node.md has the whole way.
"""
GOOGLE = "https://accounts.google.com"
BATCH = 250
COLUMNS = {
    "id": ("user_id", "a UUID, which the account keeps; empty (--id-column=) makes new ids"),
    "email": ("email", "the e-mail address"),
    "name": ("name", "the name; empty when there is none"),
    "picture": ("display_picture", "the picture's https URL; empty when there is none"),
    "subject": ("google_subject", "the provider's name for the person: the `sub` of their ID token"),
    "created-at": ("created_at", "when they came; empty when that is not known"),
}


def add_import(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", environ: Mapping[str, str]
) -> None:
    """The command's parser; the environment says whether a provider may have http."""
    parser = words.add_command(commands, "import", "make accounts of another backend's people")
    parser.description = DESCRIPTION
    parser.set_defaults(action=import_users)
    parser.add_argument(
        "--from",
        dest="source",
        type=_source,
        required=True,
        metavar="SOURCE",
        help="a CSV file with column names, - for stdin, or a database: postgresql://user@host/name",
    )
    parser.add_argument("--apply", action="store_true", help="write; without it, it is a dry run")
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument(
        "--table", type=text, default="users", metavar="NAME", help="of a database (%(default)s)"
    )
    tables.add_argument("--query", type=text, metavar="SELECT", help="of a database, instead of a table")
    for name, (default, meaning) in COLUMNS.items():
        parser.add_argument(
            f"--{name}-column", type=text, default=default, metavar="NAME", help=f"{meaning} (%(default)s)"
        )
    parser.add_argument(
        "--issuer",
        type=_issuer(https_only=variables.find(environ, "APP_ENV") not in {"development", "test"}),
        default=GOOGLE,
        metavar="URL",
        help="the provider, to the letter as its ID tokens and its /.well-known/openid-configuration have "
        "it, with the slash at its end where there is one (%(default)s)",
    )
    parser.add_argument(
        "--batch",
        type=words.between(1, 10_000),
        default=BATCH,
        metavar="N",
        help="how many rows to take in one transaction (%(default)s)",
    )
    words.add_limit(parser, "how many skipped rows to show (%(default)s)")


def _issuer(*, https_only: bool) -> Callable[[str], str]:
    """An issuer that the service could be configured for, but for slashes at its end, which are kept."""

    def issuer(url: str) -> str:
        try:
            configured = parse.url(https_only=https_only)(url)
        except parse.ParseError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        # Sign-in compares what discovery names with OIDC_ISSUER so.
        if url.rstrip("/") != configured:
            end = "/" if url.endswith("/") else ""
            raise argparse.ArgumentTypeError(f"{url!r} must be written {configured + end!r}")
        return url

    return issuer


def _source(name: str) -> str:
    # As from a variable of the shell that is not set.
    if not name.strip():
        raise argparse.ArgumentTypeError("the source has no name")
    return text(name)
