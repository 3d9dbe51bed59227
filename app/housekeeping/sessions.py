"""`bin/sessions`: lists live sessions, ends them, and deletes old ones."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from uuid import UUID

from app.accounts.credentials import LIFETIME
from app.commands.arguments import between, duration, user
from app.commands.errors import CommandError, Exit
from app.commands.frame import use_utf8
from app.housekeeping.batches import Batches
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
from app.housekeeping.models import Step

DESCRIPTION = "Lists live sessions, ends them, and deletes those that ended long ago."
REASON = "revoked_by_operator"
BATCH = 250
"""Rows in one transaction. Larger batches are hardly faster, and take over 100 ms on a busy machine."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; returns its exit code."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    if options.action is revoke and bool(options.ids) + bool(options.user) + options.all != 1:
        parser.error("revoke takes session ids, or --user, or --all")
    return run(f"bin/sessions {options.command}", options, environ)


def list_live(options: argparse.Namespace, context: Context) -> None:
    """Prints live sessions, the latest seen first."""
    limit = options.limit + 1
    if options.user:
        found = context.queries.list_user_sessions(user_id=get_user(context, options.user).id, limit=limit)
    else:
        found = context.queries.list_live_sessions(limit=limit)
    context.output.table(found[: options.limit])
    if not found:
        context.notices.say("nothing", "No live sessions.")
    say_if_more(context, options, len(found))


def revoke(options: argparse.Namespace, context: Context) -> None:
    """Ends sessions; those that ended before stay as they are."""
    if options.all:
        _revoke_all(options, context)
    elif options.user:
        user = get_user(context, options.user)
        revoked = context.queries.update_user_sessions_revoked(user_id=user.id, reason=REASON)
        _say_revoked(context, len(revoked), session_ids=revoked)
    else:
        _revoke_by_id(options.ids, context)


def purge(options: argparse.Namespace, context: Context) -> None:
    """Deletes sessions that ended long enough ago, in batches that make nobody wait."""
    batches = Batches(context.notices, event="purging", done="Deleted")

    def delete_expired(last: Step) -> Step | None:
        return context.queries.delete_expired_sessions(
            last, older_than=options.older_than, limit=options.batch
        )

    def delete_ended(last: Step) -> Step | None:
        return context.queries.delete_ended_sessions(
            last, older_than=options.older_than, lifetime=LIFETIME, limit=options.batch
        )

    try:
        with batches.stopping_between():
            batches.run(delete_expired)
            batches.run(delete_ended)
    finally:
        context.output.say(
            "sessions_purged",
            f"Deleted {_counted(batches.changed)}.",
            fields={"count": batches.changed, "longest_batch_ms": round(1000 * batches.longest, 1)},
        )


def _revoke_all(options: argparse.Namespace, context: Context) -> None:
    confirm(options, "This signs everybody out.", answer="yes")
    batches = Batches(context.notices, event="revoking", done="Revoked")

    def revoke_batch(last: Step) -> Step | None:
        return context.queries.update_all_sessions_revoked(last, limit=BATCH, reason=REASON)

    try:
        with batches.stopping_between():
            batches.run(revoke_batch)
    finally:
        _say_revoked(context, batches.changed)


def _revoke_by_id(ids: list[UUID], context: Context) -> None:
    found = context.queries.update_sessions_revoked(session_ids=ids, reason=REASON)
    revoked = [session_id for session_id, was_live in found.items() if was_live]
    _say_revoked(context, len(revoked), session_ids=revoked)
    if missing := [str(wanted) for wanted in ids if wanted not in found]:
        raise CommandError(Exit.NOT_FOUND, *(f"No session has the id {wanted}." for wanted in missing))


def _say_revoked(context: Context, count: int, **fields: object) -> None:
    context.output.say(
        "session_revoked",
        f"Revoked {_counted(count)}.",
        fields={"count": count, "reason": REASON, **fields},
    )


def _counted(count: int) -> str:
    return "1 session" if count == 1 else f"{count:,} sessions"


def _make_parser() -> argparse.ArgumentParser:
    parser = make_parser("bin/sessions", DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = add_command(commands, "list", "list live sessions, the latest seen first", list_live)
    listing.add_argument("--user", type=user, metavar="ID|EMAIL", help="of this user alone")
    add_limit(listing)
    revoking = add_command(commands, "revoke", "end sessions at once, on every replica", revoke)
    revoking.add_argument("ids", type=UUID, nargs="*", metavar="ID", help="session ids, from the list")
    revoking.add_argument("--user", type=user, metavar="ID|EMAIL", help="all sessions of this user")
    revoking.add_argument("--all", action="store_true", help="everybody's; asks first")
    add_yes(revoking)
    purging = add_command(commands, "purge", "delete sessions that ended long ago", purge)
    purging.add_argument(
        "--older-than",
        type=duration,
        default="30d",
        metavar="TIME",
        help="how long ago a session must have ended: 30d, 12h, 0d (%(default)s)",
    )
    purging.add_argument(
        "--batch",
        type=between(1, 10_000),
        default=BATCH,
        metavar="N",
        help="how many to delete in one transaction (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    use_utf8()
    sys.exit(main(sys.argv[1:], os.environ))
