"""What is written in an event, from text into HTML and back, as simply as it can be done."""

from __future__ import annotations

from xml.sax.saxutils import escape, unescape


def converted(body: str, stored: str, wanted: str) -> str:
    """Turn a body that is stored as "Text" or "HTML" into the other, or leave it."""
    if not body or stored == wanted:
        return body
    if wanted == "HTML":
        return f"<html><body>{escape(body)}</body></html>"
    inside, shown = False, []
    for letter in body:
        inside = letter == "<" or (inside and letter != ">")
        if not inside and letter != ">":
            shown.append(letter)
    return unescape("".join(shown))
