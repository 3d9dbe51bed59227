"""`bin/sessions`: who is signed in, ending that, and deleting what is long over."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from uuid import UUID

from app.housekeeping import arguments as words
from app.housekeeping.batches import Batches
from app.housekeeping.command import Desk, get_user, run, say_if_more
from app.housekeeping.confirmation import add_yes, confirm
from app.housekeeping.errors import Exit, HousekeepingError
from app.housekeeping.models import Step

DESCRIPTION = "Lists live sessions, ends them, and deletes those that ended long ago."
REASON = "revoked_by_operator"
BATCH = 250
"""Rows in one transaction: bigger batches are hardly faster, and on a busy machine take over 100 ms."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; returns its exit code."""
    parser = _make_parser()
    options = parser.parse_args(arguments)
    if options.action is revoke and bool(options.ids) + bool(options.user) + options.all != 1:
        parser.error("revoke takes session ids, or --user, or --all")
    return run(f"bin/sessions {options.command}", options.action, options, environ)


def list_live(options: argparse.Namespace, desk: Desk) -> None:
    """Prints live sessions, the latest seen first."""
    limit = options.limit + 1
    if options.user:
        found = desk.queries.list_user_sessions(user_id=get_user(desk, options.user).id, limit=limit)
    else:
        found = desk.queries.list_live_sessions(limit=limit)
    desk.output.table(found[: options.limit])
    if not found:
        desk.notices.say("nothing", "No live sessions.")
    say_if_more(desk, options, len(found))


def revoke(options: argparse.Namespace, desk: Desk) -> None:
    """Ends sessions; what has ended already is left as it is."""
    if options.all:
        _revoke_all(options, desk)
    elif options.user:
        user = get_user(desk, options.user)
        revoked = desk.queries.update_user_sessions_revoked(user_id=user.id, reason=REASON)
        _say_revoked(desk, len(revoked), session_ids=revoked)
    else:
        _revoke_by_id(options.ids, desk)


def purge(options: argparse.Namespace, desk: Desk) -> None:
    """Deletes sessions that ended long enough ago, in batches that lock nobody out."""
    # Only the purge needs to know how long sessions live, and what comes along with it.
    from app.accounts.sessions import LIFETIME  # noqa: PLC0415  # see above

    batches = Batches(desk.notices, event="purging", done="Deleted")

    def delete_expired(last: Step) -> Step | None:
        return desk.queries.delete_expired_sessions(last, older_than=options.older_than, limit=options.batch)

    def delete_ended(last: Step) -> Step | None:
        return desk.queries.delete_ended_sessions(
            last, older_than=options.older_than, lifetime=LIFETIME, limit=options.batch
        )

    try:
        with batches.stopping_between():
            batches.run(delete_expired)
            batches.run(delete_ended)
    finally:
        desk.output.say(
            "sessions_purged",
            f"Deleted {_counted(batches.changed)}.",
            fields={"count": batches.changed, "longest_batch_ms": round(1000 * batches.longest, 1)},
        )


def _revoke_all(options: argparse.Namespace, desk: Desk) -> None:
    confirm(options, "This signs everybody out.", answer="yes")
    batches = Batches(desk.notices, event="revoking", done="Revoked")

    def revoke_batch(last: Step) -> Step | None:
        return desk.queries.update_all_sessions_revoked(last, limit=BATCH, reason=REASON)

    try:
        with batches.stopping_between():
            batches.run(revoke_batch)
    finally:
        _say_revoked(desk, batches.changed)


def _revoke_by_id(ids: list[UUID], desk: Desk) -> None:
    found = desk.queries.update_sessions_revoked(session_ids=ids, reason=REASON)
    revoked = [session_id for session_id, was_live in found.items() if was_live]
    _say_revoked(desk, len(revoked), session_ids=revoked)
    if missing := [str(wanted) for wanted in ids if wanted not in found]:
        raise HousekeepingError(Exit.NOT_FOUND, *(f"No session has the id {wanted}." for wanted in missing))


def _say_revoked(desk: Desk, count: int, **fields: object) -> None:
    desk.output.say(
        "session_revoked",
        f"Revoked {_counted(count)}.",
        fields={"count": count, "reason": REASON, **fields},
    )


def _counted(count: int) -> str:
    return "1 session" if count == 1 else f"{count:,} sessions"


def _make_parser() -> argparse.ArgumentParser:
    parser = words.make_parser("bin/sessions", DESCRIPTION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    listing = words.add_command(commands, "list", "list live sessions, the latest seen first")
    listing.set_defaults(action=list_live)
    listing.add_argument("--user", type=words.user, metavar="ID|EMAIL", help="of this user alone")
    words.add_limit(listing)
    revoking = words.add_command(commands, "revoke", "end sessions at once, on every replica")
    revoking.set_defaults(action=revoke)
    revoking.add_argument("ids", type=UUID, nargs="*", metavar="ID", help="session ids, from the list")
    revoking.add_argument("--user", type=words.user, metavar="ID|EMAIL", help="all sessions of this user")
    revoking.add_argument("--all", action="store_true", help="everybody's; asks first")
    add_yes(revoking)
    purging = words.add_command(commands, "purge", "delete sessions that ended long ago")
    purging.set_defaults(action=purge)
    purging.add_argument(
        "--older-than",
        type=words.duration,
        default="30d",
        metavar="TIME",
        help="how long ago a session must have ended: 30d, 12h, 0d (%(default)s)",
    )
    purging.add_argument(
        "--batch",
        type=words.between(1, 10_000),
        default=BATCH,
        metavar="N",
        help="how many to delete in one transaction (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(sys.argv[1:], os.environ))
