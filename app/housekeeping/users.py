"""`bin/users`: accounts and what belongs to them; groups and invitations."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import psycopg

from app.accounts.profile import is_subject
from app.commands.arguments import text, user
from app.commands.errors import CommandError, Exit
from app.commands.frame import use_utf8
from app.housekeeping.command import (
    DEFAULT_LIMIT,
    Context,
    add_command,
    add_limit,
    add_yes,
    confirm,
    get_user,
    make_parser,
    run,
    say_if_more,
)
from app.housekeeping.groups import add_group_commands
from app.housekeeping.invitations import add_invitation_commands
from app.housekeeping.models import UserRow
from app.settings.parsers import ParseError
from app.settings.parsers import url as parse_url

DESCRIPTION = (
    "Lists, shows, disables, enables and deletes accounts; manages identities, groups and invitations."
)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; returns its exit code."""
    options = _make_parser().parse_args(arguments)
    return run(f"bin/users {options.command}", options, environ)


def list_accounts(options: argparse.Namespace, context: Context) -> None:
    """Prints accounts by e-mail."""
    found = context.queries.list_users(
        search=options.search or None, only_disabled=options.disabled, limit=options.limit + 1
    )
    context.output.table(found[: options.limit])
    if not found:
        context.notices.say("nothing", "No such users.")
    say_if_more(context, options, len(found))


def show(options: argparse.Namespace, context: Context) -> None:
    """Prints an account, what its person signs in with, and where they are signed in."""
    account = get_user(context, options.user)
    identities = context.queries.list_user_identities(user_id=account.id)
    sessions = context.queries.list_user_sessions(user_id=account.id, limit=DEFAULT_LIMIT)
    if options.json:
        fields = {
            **asdict(account),
            "identities": [asdict(row) for row in identities],
            "sessions": [asdict(row) for row in sessions],
        }
        context.output.say("user", account.email, fields=fields)
        return
    context.output.table([account])
    context.output.say("identities", "", f"Identities: {len(identities)}")
    context.output.table(identities)
    context.output.say("sessions", "", f"Live sessions: {len(sessions)}")
    context.output.table(sessions)


def link(options: argparse.Namespace, context: Context) -> None:
    """Lets somebody sign in with one more identity, which no provider has confirmed as theirs."""
    account = get_user(context, options.user)
    try:
        linked = context.queries.insert_identity(
            user_id=account.id, issuer=options.issuer, subject=options.subject
        )
    except psycopg.errors.ForeignKeyViolation as error:
        raise CommandError(Exit.NOT_FOUND, f"{account.email} was deleted at this moment.") from error
    if linked.user_id != account.id:
        raise CommandError(Exit.REFUSED, f"This identity belongs to the user {linked.user_id}.")
    sentence = "may sign in with this identity" if linked.is_new else "had this identity before"
    context.output.say(
        "identity_linked",
        f"{account.email} {sentence}.",
        fields={**_named(account), "identity_id": linked.id, "is_new": linked.is_new},
    )


def list_tokens(options: argparse.Namespace, context: Context) -> None:
    """Prints a user's API tokens, without their secrets."""
    account = get_user(context, options.user)
    found = context.queries.list_user_api_tokens(user_id=account.id)
    context.output.table(found)
    if not found:
        context.notices.say("nothing", f"{account.email} has no API tokens.")


def disable(options: argparse.Namespace, context: Context) -> None:
    """Keeps a user out at once; their sessions and API tokens end for good."""
    account = get_user(context, options.user)
    ended = context.queries.update_user_disabled(user_id=account.id)
    if ended is None:
        raise CommandError(Exit.NOT_FOUND, f"{account.email} was deleted at this moment.")
    was = "was disabled already" if account.disabled_at else "is disabled"
    context.output.say(
        "user_disabled",
        f"{account.email} {was}. Ended with it: sessions {ended.sessions}, API tokens {ended.api_tokens}.",
        fields={
            **_named(account),
            "sessions_revoked": ended.sessions,
            "api_tokens_deleted": ended.api_tokens,
        },
    )


def enable(options: argparse.Namespace, context: Context) -> None:
    """Lets a user sign in again."""
    account = get_user(context, options.user)
    was_disabled = context.queries.update_user_enabled(user_id=account.id)
    sentence = "may sign in again" if was_disabled else "was not disabled"
    context.output.say(
        "user_enabled",
        f"{account.email} {sentence}.",
        fields={**_named(account), "was_disabled": was_disabled},
    )


def delete(options: argparse.Namespace, context: Context) -> None:
    """Deletes an account and all its rows."""
    account = get_user(context, options.user)
    confirm(options, f"This deletes {account.email} with sessions and API tokens.", answer=account.email)
    # Another operator may have deleted it meanwhile; the outcome is the same.
    context.queries.delete_user(user_id=account.id)
    context.output.say("user_deleted", f"{account.email} is deleted.", fields=_named(account))


def issuer(argument: str) -> str:
    """A provider's issuer, as it is written in its tokens.

    Raises:
        argparse.ArgumentTypeError: it is no URL.
    """
    try:
        parse_url(https_only=False)(text(argument))
    except ParseError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return argument


def subject(argument: str) -> str:
    """A person's id at a provider.

    Raises:
        argparse.ArgumentTypeError: it is empty, too long or not printable.
    """
    if not is_subject(text(argument)):
        raise argparse.ArgumentTypeError("must be 1 to 255 printable characters")
    return argument


def _named(account: UserRow) -> dict[str, object]:
    return {"user_id": account.id, "email": account.email}


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("bin/users", DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = add_command(commands, "list", "list accounts by e-mail", list_accounts)
    listing.add_argument(
        "--search", type=text, metavar="TEXT", help="those with this in their e-mail or name"
    )
    listing.add_argument("--disabled", action="store_true", help="disabled ones alone")
    add_limit(listing)
    parsers = {}
    for name, action, description in (
        ("show", show, "show an account, its identities and its sessions"),
        ("link", link, "let somebody sign in with one more identity; see docs/housekeeping.md"),
        ("tokens", list_tokens, "list a user's API tokens, the newest first, and when each was last used"),
        ("disable", disable, "end sessions and API tokens at once and refuse the next sign-in"),
        ("enable", enable, "let a disabled user sign in again"),
        ("delete", delete, "delete the account and all its rows; asks first"),
    ):
        parsers[name] = add_command(commands, name, description, action)
        parsers[name].add_argument("user", type=user, metavar="ID|EMAIL")
    parsers["link"].add_argument(
        "--issuer", type=issuer, required=True, metavar="URL", help="of the provider, to the letter"
    )
    parsers["link"].add_argument(
        "--subject", type=subject, required=True, metavar="TEXT", help="the person's id at the provider (sub)"
    )
    add_yes(parsers["delete"])
    add_invitation_commands(commands)
    add_group_commands(commands)
    return parser


if __name__ == "__main__":
    use_utf8()
    sys.exit(main(sys.argv[1:], os.environ))
