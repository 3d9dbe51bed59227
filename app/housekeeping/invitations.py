"""`bin/users invite`, `invites` and `uninvite`: admits people whatever the lists say."""

import argparse

from app.accounts.groups import MAX_GROUPS
from app.accounts.profile import usable_email
from app.commands.arguments import text
from app.commands.errors import CommandError, Exit
from app.housekeeping.command import Context, add_command
from app.housekeeping.groups import group


def email(argument: str) -> str:
    """An e-mail address in lower case, as sign-in knows it.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    address = usable_email(text(argument))
    if address is None:
        raise argparse.ArgumentTypeError(f"{argument!r} is not an e-mail address")
    return address


def invite(options: argparse.Namespace, context: Context) -> None:
    """Admits whoever signs in with this address, and puts them into groups."""
    groups = sorted(set(options.group))
    if len(groups) > MAX_GROUPS:
        raise CommandError(Exit.USAGE, f"A person may be in {MAX_GROUPS} groups at most.")
    has_account = context.queries.insert_invitation(email=options.email, groups=groups)
    sentence = f"{options.email} is invited{_shown(groups)}."
    if has_account:
        sentence += " There is an account with this address: the invitation counts from its next sign-in on."
    context.output.say("user_invited", sentence, fields={"email": options.email, "groups": groups})


def list_invitations(_options: argparse.Namespace, context: Context) -> None:
    """Prints open invitations, the oldest first."""
    context.output.table(found := context.queries.list_invitations())
    if not found:
        context.notices.say("nothing", "Nobody is invited.")


def uninvite(options: argparse.Namespace, context: Context) -> None:
    """Ends an open invitation."""
    if not context.queries.delete_invitation(email=options.email):
        raise CommandError(Exit.REFUSED, f"No invitation of {options.email} is open.")
    sentence = f"{options.email} is no longer invited."
    context.output.say("user_uninvited", sentence, fields={"email": options.email})


def add_invitation_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `invite`, `invites` and `uninvite`."""
    inviting = add_command(commands, "invite", "admit somebody, whatever the lists say", invite)
    inviting.add_argument("email", type=email, metavar="EMAIL")
    inviting.add_argument(
        "--group", type=group, action="append", default=[], metavar="GROUP", help="put them into it"
    )
    add_command(commands, "invites", "list open invitations, the oldest first", list_invitations)
    ending = add_command(commands, "uninvite", "end an open invitation", uninvite)
    ending.add_argument("email", type=email, metavar="EMAIL")


def _shown(groups: list[str]) -> str:
    return f", into {', '.join(groups)}" if groups else ""
