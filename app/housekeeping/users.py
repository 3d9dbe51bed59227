"""`bin/users`: accounts, their API tokens and groups."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from app.commands.arguments import text, user
from app.commands.errors import CommandError, Exit
from app.commands.frame import use_utf8
from app.housekeeping.command import (
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

DESCRIPTION = "Lists, disables, enables and deletes accounts; lists their API tokens; manages groups."


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
        ("tokens", list_tokens, "list a user's API tokens, the newest first, and when each was last used"),
        ("disable", disable, "end sessions and API tokens at once and refuse the next sign-in"),
        ("enable", enable, "let a disabled user sign in again"),
        ("delete", delete, "delete the account and all its rows; asks first"),
    ):
        parsers[name] = add_command(commands, name, description, action)
        parsers[name].add_argument("user", type=user, metavar="ID|EMAIL")
    add_yes(parsers["delete"])
    add_invitation_commands(commands)
    add_group_commands(commands)
    return parser


if __name__ == "__main__":
    use_utf8()
    sys.exit(main(sys.argv[1:], os.environ))
