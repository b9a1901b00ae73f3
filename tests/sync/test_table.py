"""The table of what is done with a pair, cell by cell, and as it stands in docs/sync-table.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.sync.facts import Origin
from apps.sync.operations import (
    Agree,
    CancelLocal,
    Forget,
    ReleaseLocal,
    RemoveRemote,
    TakeTime,
    UpdateLocal,
    UpdateRemote,
)
from apps.sync.table import TABLE, Action, Here, There, cell
from tests.sync.plain import NOTHING_FOUND, plan_of, state

A, H, T = Action, Here, There
OURS, THEIRS = Origin.OURS, Origin.EXCHANGE
DOCUMENT = Path(__file__).parents[2] / "docs" / "sync-table.md"

CONFLICT = "conflict"
# Origin, our side, Exchange's side: what the plan holds.
CELLS: list[tuple[Origin, Here, There, type | str | None]] = [
    (OURS, H.SAME, T.SAME, None),
    (OURS, H.SAME, T.CHANGED, TakeTime),
    (OURS, H.SAME, T.FREE, UpdateRemote),
    (OURS, H.SAME, T.CANCELLED, CancelLocal),
    (OURS, H.SAME, T.GONE, CancelLocal),
    (OURS, H.SAME, T.UNDECIDED, None),
    (OURS, H.CHANGED, T.SAME, UpdateRemote),
    (OURS, H.CHANGED, T.CHANGED, CONFLICT),
    (OURS, H.CHANGED, T.FREE, UpdateRemote),
    (OURS, H.CHANGED, T.CANCELLED, CONFLICT),
    (OURS, H.CHANGED, T.GONE, CONFLICT),
    (OURS, H.CHANGED, T.UNDECIDED, None),
    (OURS, H.CANCELLED, T.SAME, RemoveRemote),
    (OURS, H.CANCELLED, T.CHANGED, RemoveRemote),
    (OURS, H.CANCELLED, T.FREE, RemoveRemote),
    (OURS, H.CANCELLED, T.CANCELLED, RemoveRemote),
    (OURS, H.CANCELLED, T.GONE, Forget),
    (OURS, H.CANCELLED, T.UNDECIDED, None),
    (OURS, H.RELEASED, T.SAME, UpdateLocal),
    (OURS, H.RELEASED, T.CHANGED, UpdateLocal),
    (OURS, H.RELEASED, T.FREE, None),
    (OURS, H.RELEASED, T.CANCELLED, None),
    (OURS, H.RELEASED, T.GONE, CancelLocal),
    (OURS, H.RELEASED, T.UNDECIDED, None),
    (THEIRS, H.SAME, T.SAME, None),
    (THEIRS, H.SAME, T.CHANGED, UpdateLocal),
    (THEIRS, H.SAME, T.FREE, ReleaseLocal),
    (THEIRS, H.SAME, T.CANCELLED, ReleaseLocal),
    (THEIRS, H.SAME, T.GONE, CancelLocal),
    (THEIRS, H.SAME, T.UNDECIDED, None),
    # Of a booking of Exchange's only that it is there is ours to change: a revision is no news.
    (THEIRS, H.CHANGED, T.SAME, Agree),
    (THEIRS, H.CANCELLED, T.SAME, RemoveRemote),
    (THEIRS, H.CANCELLED, T.CHANGED, UpdateLocal),
    (THEIRS, H.CANCELLED, T.FREE, None),
    (THEIRS, H.CANCELLED, T.CANCELLED, None),
    (THEIRS, H.CANCELLED, T.GONE, Forget),
    (THEIRS, H.CANCELLED, T.UNDECIDED, None),
    (THEIRS, H.RELEASED, T.SAME, UpdateLocal),
    (THEIRS, H.RELEASED, T.CHANGED, UpdateLocal),
    (THEIRS, H.RELEASED, T.FREE, None),
    (THEIRS, H.RELEASED, T.CANCELLED, None),
    (THEIRS, H.RELEASED, T.GONE, CancelLocal),
    (THEIRS, H.RELEASED, T.UNDECIDED, None),
]


@pytest.mark.parametrize(
    ("origin", "here", "there", "expected"),
    CELLS,
    ids=[f"{o}-{h}-{t}".replace(" ", "-") for o, h, t, _e in CELLS],
)
def test_cell(origin: Origin, here: Here, there: There, expected: type | str | None) -> None:
    local, remote, link = state(origin, here, there)

    planned = plan_of([local], [remote], [link])

    if expected == CONFLICT:
        assert [found.key.kind for found in planned.conflicts] == ["both_changed"]
        assert not planned.operations
    elif expected is None:
        assert planned == NOTHING_FOUND
    else:
        assert [type(operation) for operation in planned.operations] == [expected]
        assert not planned.conflicts


def test_every_cell_of_the_table_is_tested() -> None:
    tested = {(origin, here, there) for origin, here, there, _expected in CELLS}

    assert tested >= {
        (origin, here, there)
        for origin, rows in TABLE.items()
        for here, cells in rows.items()
        for there in cells
    }


@pytest.mark.parametrize("origin", Origin)
@pytest.mark.parametrize("here", [H.SAME, H.CANCELLED, H.RELEASED])
def test_event_of_which_nothing_is_known_decides_nothing(origin: Origin, here: Here) -> None:
    local, remote, link = state(origin, here, T.UNDECIDED)

    assert cell(link, local, remote) is cell(link, local, None) is A.NOTHING


def printed() -> str:
    columns = [there for there in There if there is not There.UNDECIDED]
    lines = [
        "# What is done with a pair",
        "",
        "A booking and an Exchange event that are linked, by who made the booking, and what became of",
        "each side since both agreed. An event that cannot be read, or was not seen, decides nothing.",
        "Printed from `apps/sync/table.py`; a test fails when the two differ.",
        "",
        "| made in | booking | " + " | ".join(f"event {there}" for there in columns) + " |",
        "|" + "---|" * (len(columns) + 2),
    ]
    for origin, rows in TABLE.items():
        name = "OptixSync" if origin is Origin.OURS else "Exchange"
        for here, cells in rows.items():
            actions = " | ".join(cells[there] for there in columns)
            lines.append(f"| {name} | {here} | {actions} |")
    return "\n".join(lines) + "\n"


def test_document_says_what_the_table_says() -> None:
    assert DOCUMENT.read_text() == printed()
