"""What pages are made of: elements that escape what they are given, the frame around each page, and answers."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
COPY_SCRIPT = (Path(__file__).parent / "copy.js").read_text(encoding="utf-8")
VOID = frozenset({"input", "meta", "br", "link"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | None | Sequence["Child"]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer for the server to send."""

    status: int
    headers: dict[str, str]
    body: bytes


def h(name: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """Make an element. Children are escaped unless they are Html. `class_` is class; `data_x` is data-x; None is left out."""
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Put children one after another."""
    return Html("".join(_child(child) for child in children))


def page(
    title: str, *body: Child, status: int = 200, script: str = "", forms_lead_to: str = ""
) -> Response:
    """Frame a page. Nothing is fetched from elsewhere, and only the given script may run.

    `forms_lead_to`: the other site to which a form of this page may lead in the end.
    """
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("link", rel="icon", href="data:,"),
        h("title", f"{title} · Sandbox Exchange"),
        h("style", Html(STYLE)),
    )
    bar = h(
        "header",
        h("a", "Skip to content", href="#content", class_="skip"),
        h("a", h("strong", "Sandbox Exchange"), href="/", class_="brand"),
        h("span", "stands in for Microsoft; nothing leaves this machine", class_="motto"),
        class_="bar",
    )
    run = h("script", Html(script)) if script else None
    main = h("main", *body, id="content")
    text = "<!doctype html>" + h("html", head, h("body", bar, main, run), lang="en")
    return Response(status, _headers(script, forms_lead_to), text.encode())


def redirect(where: str) -> Response:
    """Send the browser to another page after a form was taken."""
    return Response(303, {"Location": where, "Content-Length": "0"}, b"")


def hidden(text: str) -> Html:
    """Write what is read aloud, and not shown."""
    return h("span", text, class_="unseen")


def copy_button(what: str, value: str) -> Html:
    """Make a button that a script shows; without one the text can be copied by hand."""
    label = hidden(
        f" {what.lower()} {value}" if what in {"alias", "address"} else f" {what.lower()}"
    )
    return h(
        "button", "Copy", label, type="button", hidden=True, data_copy=value, data_what=what.lower()
    )


def facts(rows: Iterable[tuple[str, str]], *more: Child) -> Html:
    """List what is to be typed or compared, each with a button that copies it."""
    listed = [
        h("div", h("dt", what), h("dd", h("code", value), copy_button(what, value)))
        for what, value in rows
    ]
    return h("dl", listed, *more, class_="facts")


def _headers(script: str, forms_lead_to: str) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    scripts = f"'sha256-{digest}'" if script else "'none'"
    forms = f"'self' {forms_lead_to}".strip()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"form-action {forms}; base-uri 'none'; "
        f"frame-ancestors 'none'; script-src {scripts}"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }


def _child(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return html.escape(child)
    return join(*child)


def _attribute(key: str, value: str | bool | None) -> str:  # noqa: FBT001 -- an attribute without a value
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(value)}"'
