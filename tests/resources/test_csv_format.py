"""A CSV file is read whole or refused in words, and comes back as it went out."""

from __future__ import annotations

import pytest

from apps.resources import csv_format
from apps.resources.csv_format import Unreadable

KINDS = ["room", "desk", "equipment"]
HEADER = ",".join(csv_format.COLUMNS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04\0\0", "no CSV file"),
        ("location,name\nB\xfcro,A".encode("cp1252"), "Line 2 has a letter"),
        (b"name\nA", "lacks the column location"),
        (b"location,name,colour\nA,B,red", "not known: “colour”"),
        (b"location,name,name\nA,B,C", "“name” twice"),
        (b"location,name\n", "no rows"),
        (b'location,name\nA,"B', "Line 2 cannot be read"),
    ],
)
def test_file_that_is_no_table_of_ours_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        csv_format.read(content, kinds=KINDS)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x,Pier House,Anchor,,,,,,", "“x” is no uuid"),
        (",,Anchor,,,,,,", "the location is missing"),
        (",Pier House,Anchor,barn,,,,,", "“barn” is no kind"),
        (",Pier House,Anchor,,many,,,,", "“many” is no whole number"),
        (",Pier House,Anchor,,,,,maybe,", "neither yes nor no"),
        (",Pier House", "has 2 cells"),
    ],
)
def test_wrong_line_is_told_with_its_number(line: str, words: str) -> None:
    table = csv_format.read(f"{HEADER}\n{line}\n".encode(), kinds=KINDS)

    assert [error.line for error in table.errors] == [2]
    assert words in table.errors[0].message


def test_double_line_is_told() -> None:
    table = csv_format.read(b"location,name\nA,B\na,b\n", kinds=KINDS)

    assert "same resource as line 2" in table.errors[0].message


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "'=1", "''=1", "it's", "a\nb", "ü,;"])
def test_text_comes_back_and_is_no_formula(text: str) -> None:
    file = csv_format.write([("", "Pier House", "Anchor", "room", "1", "UTC", text, "yes", "")])

    assert not csv_format.guarded(text).startswith(("=", "+", "-", "@"))
    table = csv_format.read(file.encode("utf-8-sig"), kinds=KINDS)
    assert table.rows[0].description == text


def test_semicolons_are_read_too() -> None:
    table = csv_format.read(b"location;name\nPier House;Anchor\n", kinds=KINDS)

    assert table.rows[0].name == "Anchor"
