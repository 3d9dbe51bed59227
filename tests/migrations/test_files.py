"""Reading files: names, directives, encodings and checksums."""

import hashlib
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands.errors import CommandError, Exit
from app.migrations.script.files import NO_TRANSACTION, Migration, load_migrations

NAME = "0001_a.sql"
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
LINES = st.lists(TEXT.map(lambda text: re.sub("[\r\n]", "", text)), max_size=6)


def load(raw: bytes) -> Migration:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_bytes(raw)
        migration = load_migrations(Path(folder))[0]
        # What is run later is what the checksum is of.
        assert hashlib.sha256(b"".join(migration.lines())).hexdigest() == migration.checksum
        return migration


def has_directive(line: str) -> bool:
    return re.match(r"[ \t]*--[ \t]*migrate[ \t]*:", line, re.IGNORECASE) is not None


@given(
    lines=LINES.filter(lambda lines: not any(map(has_directive, lines))),
    ends=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    directive=st.booleans(),
)
def test_line_endings_and_byte_order_mark_change_neither_checksum_nor_directive(
    *, lines: list[str], ends: bytes, mark: bytes, directive: bool
) -> None:
    lines = [NO_TRANSACTION] * directive + lines
    plain = load("\n".join(lines).encode())
    other = load(mark + ends.join(line.encode() for line in lines))
    if lines[:1] and lines[0].startswith("\ufeff"):
        return  # a text that begins with a mark of its own
    assert other.checksum == plain.checksum
    assert other.in_transaction is plain.in_transaction is not directive


@given(before=TEXT, after=TEXT.filter(lambda text: text.strip()))
def test_any_other_text_has_another_checksum(before: str, after: str) -> None:
    first, second = f"SELECT 1;{before}", f"SELECT 1;{before}{after}"
    if has_directive(first) or any(map(has_directive, re.split("[\r\n]", second))):
        return
    assert load(first.encode()).checksum != load(second.encode()).checksum


@given(
    lead=st.sampled_from(["", " ", "\t"]),
    dashes=st.sampled_from(["--", "-- ", "--\t"]),
    word=st.sampled_from(["migrate:", "Migrate:", "migrate :", "MIGRATE:"]),
    rest=TEXT.map(lambda text: re.sub("[\r\n]", "", text)),
    line=st.integers(1, 4),
)
def test_whatever_looks_like_a_directive_and_is_none_is_a_fault(
    lead: str, dashes: str, word: str, rest: str, line: int
) -> None:
    written = f"{lead}{dashes}{word}{rest}"
    is_directive = line == 1 and written.rstrip() == NO_TRANSACTION
    raw = "\n" * (line - 1) + written + "\nSELECT 1;\n"
    if is_directive:
        assert not load(raw.encode()).in_transaction
        return
    with pytest.raises(CommandError, match=rf"{NAME}:{line}: .* is no directive") as caught:
        load(raw.encode())
    assert caught.value.exit_code == Exit.INVALID


@given(lines=LINES, bad=st.sampled_from([b"\xff", b"\xc3", b"\xe9 ", b"\xed\xa0\x80"]))
def test_a_file_that_is_not_utf8_is_named_with_its_line(lines: list[str], bad: bytes) -> None:
    raw = b"".join(line.encode() + b"\n" for line in lines)
    with pytest.raises(CommandError, match=rf"{NAME}:{len(lines) + 1} is not UTF-8"):
        load(raw + b"-- " + bad + b"\nSELECT 1;\n")


def test_a_nul_would_cut_the_text_and_is_refused() -> None:
    with pytest.raises(CommandError, match=rf"{NAME}:2 holds a NUL"):
        load(b"SELECT 1;\nSELECT '\0';\n")
