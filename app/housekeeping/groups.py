"""`bin/users group`: puts people into groups, takes them out again, and lists who is where."""

import argparse

from app.accounts.groups import MAX_GROUPS, MAX_NAME_LENGTH, usable_group
from app.commands.arguments import text, user
from app.commands.errors import CommandError, Exit
from app.housekeeping.command import Context, add_command, get_user
from app.housekeeping.models import UserRow


def group(argument: str) -> str:
    """The name of a group.

    Raises:
        argparse.ArgumentTypeError: it cannot be one.
    """
    name = usable_group(text(argument))
    if name is None:
        raise argparse.ArgumentTypeError(
            f"{argument!r} is not 1 to {MAX_NAME_LENGTH} printable characters without a comma"
        )
    return name


def add(options: argparse.Namespace, context: Context) -> None:
    """Puts a user into a group, at their next request."""
    account = _get_person(context, options)
    if not context.queries.update_user_group_added(user_id=account.id, group=options.group, limit=MAX_GROUPS):
        raise CommandError(Exit.REFUSED, f"{account.email} is in {MAX_GROUPS} groups, which is the most.")
    _say(context, "group_added", f"{account.email} is in {options.group}.", account, options)


def remove(options: argparse.Namespace, context: Context) -> None:
    """Takes a user out of a group, at their next request."""
    account = _get_person(context, options)
    was_member = context.queries.update_user_group_removed(user_id=account.id, group=options.group)
    sentence = "is no longer in" if was_member else "was not put by hand into"
    _say(context, "group_removed", f"{account.email} {sentence} {options.group}.", account, options)


def list_groups(options: argparse.Namespace, context: Context) -> None:
    """Prints all groups, or the people of one."""
    if options.group is None:
        context.output.table(groups := context.queries.list_groups())
        if not groups:
            context.notices.say("nothing", "Nobody is in a group.")
        return
    context.output.table(members := context.queries.list_group_members(group=options.group))
    if not members:
        context.notices.say("nothing", f"Nobody is in {options.group}.")


def add_group_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `group add`, `group remove` and `group list`."""
    description = "put people into groups, take them out, list who is where"
    parser = commands.add_parser("group", help=description, description=description)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    for name, action, sentence in (
        ("add", add, "put a user into a group, at their next request"),
        ("remove", remove, "take a user out of a group, at their next request"),
    ):
        changing = add_command(actions, name, sentence, action)
        changing.add_argument("user", type=user, metavar="ID|EMAIL")
        changing.add_argument("group", type=group, metavar="GROUP")
    listing = add_command(actions, "list", "list all groups, or the people of one", list_groups)
    listing.add_argument("group", type=group, metavar="GROUP", nargs="?")


def _get_person(context: Context, options: argparse.Namespace) -> UserRow:
    try:
        return get_user(context, options.user)
    except CommandError as error:
        raise CommandError(Exit.REFUSED, *error.sentences) from error


def _say(context: Context, event: str, sentence: str, account: UserRow, options: argparse.Namespace) -> None:
    fields = {"user_id": account.id, "email": account.email, "group": options.group}
    context.output.say(event, sentence, fields=fields)
