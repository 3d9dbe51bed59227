"""`bin/users`: who has an account, and its API tokens; disabling, enabling and deleting it."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from app.arguments import text
from app.housekeeping import arguments as words
from app.housekeeping.command import Desk, get_user, run, say_if_more
from app.housekeeping.confirmation import add_yes, confirm
from app.housekeeping.errors import Exit, HousekeepingError
from app.housekeeping.models import UserRow

DESCRIPTION = "Lists, disables, enables and deletes accounts."


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; returns its exit code."""
    options = _make_parser().parse_args(arguments)
    return run(f"bin/users {options.command}", options.action, options, environ)


def list_accounts(options: argparse.Namespace, desk: Desk) -> None:
    """Prints accounts by e-mail."""
    found = desk.queries.list_users(
        search=options.search or None, only_disabled=options.disabled, limit=options.limit + 1
    )
    desk.output.table(found[: options.limit])
    if not found:
        desk.notices.say("nothing", "No such users.")
    say_if_more(desk, options, len(found))


def list_tokens(options: argparse.Namespace, desk: Desk) -> None:
    """Prints a user's API tokens, never what a script could send."""
    user = get_user(desk, options.user)
    found = desk.queries.list_user_api_tokens(user_id=user.id)
    desk.output.table(found)
    if not found:
        desk.notices.say("nothing", f"{user.email} has no API tokens.")


def disable(options: argparse.Namespace, desk: Desk) -> None:
    """Keeps a user out, at once; sessions and API tokens end for good."""
    user = get_user(desk, options.user)
    ended = desk.queries.update_user_disabled(user_id=user.id)
    if ended is None:
        raise HousekeepingError(Exit.NOT_FOUND, f"{user.email} was deleted at this moment.")
    was = "was disabled already" if user.disabled_at else "is disabled"
    desk.output.say(
        "user_disabled",
        f"{user.email} {was}. Ended with it: sessions {ended.sessions}, API tokens {ended.api_tokens}.",
        fields={**_named(user), "sessions_revoked": ended.sessions, "api_tokens_deleted": ended.api_tokens},
    )


def enable(options: argparse.Namespace, desk: Desk) -> None:
    """Lets a user sign in again."""
    user = get_user(desk, options.user)
    was_disabled = desk.queries.update_user_enabled(user_id=user.id)
    sentence = "may sign in again" if was_disabled else "was not disabled"
    desk.output.say(
        "user_enabled", f"{user.email} {sentence}.", fields={**_named(user), "was_disabled": was_disabled}
    )


def delete(options: argparse.Namespace, desk: Desk) -> None:
    """Deletes an account and all its rows."""
    user = get_user(desk, options.user)
    confirm(options, f"This deletes {user.email} with sessions and API tokens.", answer=user.email)
    # False when somebody else was quicker, which is as good.
    desk.queries.delete_user(user_id=user.id)
    desk.output.say("user_deleted", f"{user.email} is deleted.", fields=_named(user))


def _named(user: UserRow) -> dict[str, object]:
    return {"user_id": user.id, "email": user.email}


def _make_parser() -> argparse.ArgumentParser:
    parser = words.make_parser("bin/users", DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = words.add_command(commands, "list", "list accounts by e-mail")
    listing.set_defaults(action=list_accounts)
    listing.add_argument(
        "--search", type=text, metavar="TEXT", help="those with this in their e-mail or name"
    )
    listing.add_argument("--disabled", action="store_true", help="disabled ones alone")
    words.add_limit(listing)
    parsers = {}
    for name, action, description in (
        ("tokens", list_tokens, "list a user's API tokens, the newest first, and when each was last used"),
        ("disable", disable, "end sessions and API tokens at once and refuse the next sign-in"),
        ("enable", enable, "let a disabled user sign in again"),
        ("delete", delete, "delete the account and all its rows; asks first"),
    ):
        parsers[name] = words.add_command(commands, name, description)
        parsers[name].set_defaults(action=action)
        parsers[name].add_argument("user", type=words.user, metavar="ID|EMAIL")
    add_yes(parsers["delete"])
    return parser


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(sys.argv[1:], os.environ))
