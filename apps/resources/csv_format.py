"""Resources as a table in a CSV file: reads and writes text, knows no database.

What a spreadsheet would run as a formula is written behind an apostrophe, and read back without it.
"""

from __future__ import annotations

import csv
import io
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

COLUMNS = (
    "uuid",
    "location",
    "name",
    "kind",
    "capacity",
    "time_zone",
    "description",
    "active",
    "calendar_email",
)
REQUIRED = ("location", "name")
MAX_ROWS = 5000
YES = frozenset({"yes", "true", "1"})
NO = frozenset({"no", "false", "0"})
# Spreadsheets run a cell that begins so; the apostrophes before it are ours, or were typed.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class Unreadable(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong in one line of the file."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file. None: the file does not say, so what is there stays."""

    line: int
    location: str
    name: str
    uuid: uuid.UUID | None = None
    kind: str | None = None
    capacity: int | None = None
    time_zone: str | None = None
    description: str | None = None
    is_active: bool | None = None
    # Empty: no calendar.
    calendar_email: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """What could be read, and what could not."""

    rows: tuple[Row, ...]
    errors: tuple[LineError, ...]


def write(rows: Iterable[Sequence[str]]) -> str:
    """The text of a file with these rows, each in the order of COLUMNS."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return out.getvalue()


def read(content: bytes, *, kinds: Sequence[str]) -> Table:
    """Take a file apart into rows; `kinds` are the words that the column kind may have.

    Raises:
        Unreadable: no table of ours at all, so that no line of it can be told from another.
    """
    text = _decoded(content)
    lines = _cells(text)
    header = _header(next(lines, (1, []))[1])
    rows: list[Row] = []
    errors: list[LineError] = []
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) + len(errors) == MAX_ROWS:
            raise Unreadable(
                _(
                    "The file has more than %(max)s rows. Split it, and import one part after "
                    "the other."
                )
                % {"max": MAX_ROWS}
            )
        try:
            rows.append(_row(line, header, cells, kinds))
        except ValueError as exc:
            errors.append(LineError(line, str(exc)))
    if not rows and not errors:
        raise Unreadable(
            _("The file has a header and no rows. Add a row for each resource, and try again.")
        )
    return Table(tuple(rows), (*errors, *_doubles(rows)))


def guarded(cell: str) -> str:
    """The cell so that no spreadsheet runs it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _decoded(content: bytes) -> str:
    if not content.strip():
        raise Unreadable(_("The file is empty. Choose another one."))
    if b"\0" in content:
        raise Unreadable(
            _(
                "This is no CSV file. In a spreadsheet, save the table as “CSV UTF-8”, and choose "
                "that file."
            )
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise Unreadable(
            _(
                "Line %(line)s has a letter that is not written in UTF-8. In a spreadsheet, save "
                "the table as “CSV UTF-8”, and choose that file."
            )
            % {"line": line}
        ) from exc


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line in which it begins."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as exc:
        raise Unreadable(
            _(
                "Line %(line)s cannot be read: its quotation marks do not match, or a cell is too "
                "long. Nothing after it could be read either."
            )
            % {"line": begins}
        ) from exc


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    known = ", ".join(COLUMNS)
    if unknown := [name for name in names if name not in COLUMNS]:
        raise Unreadable(
            ngettext(
                "The first line has a column that is not known: %(names)s. The columns are %(known)s.",
                "The first line has columns that are not known: %(names)s. The columns are %(known)s.",
                len(unknown),
            )
            % {"names": ", ".join(f"“{name}”" for name in unknown), "known": known}
        )
    if missing := [name for name in REQUIRED if name not in names]:
        raise Unreadable(
            _("The first line lacks the column %(names)s. The columns are %(known)s.")
            % {"names": ", ".join(missing), "known": known}
        )
    if double := next((name for name in names if names.count(name) > 1), None):
        raise Unreadable(
            _("The first line has the column “%(name)s” twice. Keep one of them.")
            % {"name": double}
        )
    return names


def _row(line: int, header: list[str], cells: list[str], kinds: Sequence[str]) -> Row:
    """The row that these cells say.

    Raises:
        ValueError: in words.
    """
    if len(cells) != len(header):
        raise ValueError(
            _("has %(found)s cells, the first line has %(wanted)s.")
            % {"found": len(cells), "wanted": len(header)}
        )
    said = {name: unguarded(cell).strip() for name, cell in zip(header, cells, strict=True)}
    for name in REQUIRED:
        if not said[name]:
            raise ValueError(_("the %(column)s is missing.") % {"column": name})
    return Row(
        line,
        location=said["location"],
        name=said["name"],
        uuid=_uuid(said.get("uuid", "")),
        kind=_kind(said.get("kind", ""), kinds),
        capacity=_capacity(said.get("capacity", "")),
        time_zone=said.get("time_zone") or None,
        # Spreadsheets write line ends as they like; forms write them as here.
        description=said["description"].replace("\r\n", "\n") if "description" in said else None,
        is_active=_yes_or_no(said.get("active", "")),
        calendar_email=said.get("calendar_email"),
    )


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as exc:
        raise ValueError(
            _("“%(text)s” is no uuid. Leave the cell empty for a new resource.") % {"text": text}
        ) from exc


def _kind(text: str, kinds: Sequence[str]) -> str | None:
    if text and text.lower() not in kinds:
        raise ValueError(
            _("“%(text)s” is no kind. The kinds are %(kinds)s.")
            % {"text": text, "kinds": ", ".join(kinds)}
        )
    return text.lower() or None


def _capacity(text: str) -> int | None:
    # Nine digits are more than any capacity, and few enough to read.
    if text and not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(
            _("the capacity “%(text)s” is no whole number.") % {"text": text},
        )
    return int(text) if text else None


def _yes_or_no(text: str) -> bool | None:
    if not text:
        return None
    if text.lower() not in YES | NO:
        raise ValueError(
            _("“%(text)s” in the column active is neither yes nor no.") % {"text": text}
        )
    return text.lower() in YES


def _doubles(rows: list[Row]) -> Iterator[LineError]:
    seen: dict[object, int] = {}
    for row in rows:
        keys: list[object] = [(row.location.lower(), row.name.lower())]
        if row.uuid:
            keys.append(row.uuid)
        for key in keys:
            if key in seen:
                yield LineError(
                    row.line,
                    _("is about the same resource as line %(line)s. Keep one of them.")
                    % {"line": seen[key]},
                )
                break
        for key in keys:
            seen.setdefault(key, row.line)
