"""What is answered below `/login`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox.desk import as_json

if TYPE_CHECKING:
    from apps.sandbox.ews.service import Outcome
    from apps.sandbox.server import SandboxServer
    from apps.sandbox.web import Request


def respond(sandbox: SandboxServer, request: Request) -> Outcome:
    """Answer a request below `/login`."""
    return as_json(404, {"error": "invalid_request", "path": request.path})
