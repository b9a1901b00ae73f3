"""Pages for people, and a JSON interface for tests: what a server hands a request of `/`, `/outlook/` or `/control/` to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.pages.control import control
from apps.sandbox.pages.html import Response, h, page
from apps.sandbox.pages.outlook import outlook
from apps.sandbox.pages.start import start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.store import Store

__all__ = ["Response", "respond"]


def respond(
    method: str,
    path: str,
    query: Mapping[str, list[str]],
    form: Mapping[str, Any],
    store: Store,
) -> Response:
    """Answer a request. `query` and a posted `form` are as urllib.parse.parse_qs(…, keep_blank_values=True) gives them.

    For `/control/` the form is the JSON object that was posted. HEAD is answered like GET.
    """
    if path == "/":
        return start(store)
    if path.startswith("/control/") and method == "POST":
        return control(path.removeprefix("/control/").strip("/"), form, store)
    if path.startswith("/outlook/"):
        return outlook(method, path, query, form, store)
    return page(
        "Not found", h("h1", "Not found"), h("a", "To the start page", href="/"), status=404
    )
