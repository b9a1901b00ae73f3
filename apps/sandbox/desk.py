"""The desk where tests and benchmarks arrange faults and read the request log: `/faults` and `/requests`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apps.sandbox.ews.service import Outcome
from apps.sandbox.faults import AT_ONCE, BadFault, Hits

if TYPE_CHECKING:
    from apps.sandbox.server import SandboxServer
    from apps.sandbox.store import Mailbox


def as_json(status: int, content: object) -> Outcome:
    """Make an answer of JSON."""
    return Outcome(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def requests(sandbox: SandboxServer, method: str) -> Outcome:
    """Show the request log and the refused sign-ins; DELETE begins both anew (and unlocks accounts)."""
    if method == "DELETE":
        sandbox.requests.forget()
        sandbox.sign_ins.forget()
    return as_json(
        200,
        {
            "requests": sandbox.requests.as_json(),
            "refused_sign_ins": dict(sandbox.sign_ins.refused),
        },
    )


def faults(sandbox: SandboxServer, method: str, path: str, kind: str, body: bytes) -> Outcome:
    """Show, arrange (POST), call off (DELETE, with or without a number) or let writes land (POST to /faults/land)."""
    number = path.removeprefix("/faults").strip("/")
    if method == "DELETE":
        if number and not number.isdigit():
            return as_json(404, {"error": f"There is no fault {number}."})
        sandbox.faults.forget(int(number) if number else None)
        if not number:
            sandbox.sign_ins.lock_after = None
    if method != "POST":
        return as_json(200, sandbox.faults.as_json())
    if kind != "application/json":
        return as_json(415, {"error": "Post application/json."})  # so no web page can do it
    if number == "land":
        return as_json(200, {"landed": sandbox.faults.land()})
    try:
        return as_json(201, arrange(sandbox, json.loads(body)))
    except ValueError as error:  # BadFault, and what is no JSON
        return as_json(400, {"error": str(error)})


def arrange(sandbox: SandboxServer, posted: object) -> dict[str, object]:
    """Take a fault; what names no operation but acts on the store is done at once. Raises BadFault."""
    mailbox = None
    at_once = (
        isinstance(posted, dict) and posted.get("kind") in AT_ONCE and not posted.get("operation")
    )
    if at_once and isinstance(posted, dict):
        needs_one = posted["kind"] == "replace-mailbox"
        mailbox = _mailbox(sandbox, str(posted.get("mailbox") or ""), needs_one=needs_one)
    fault = sandbox.faults.arrange(posted)
    if at_once:
        sandbox.faults.forget(fault.id)
        sandbox.ews.strike(Hits([fault]), mailbox)
        sandbox.notifications.strike(Hits([fault]), mailbox)
    if fault.kind == "lock-accounts":
        sandbox.sign_ins.lock_after = fault.options["after"]
    return fault.as_json()


def _mailbox(sandbox: SandboxServer, address: str, *, needs_one: bool) -> Mailbox | None:
    found = sandbox.store.find_mailbox(address) if address else None
    if found is None and (address or needs_one):
        raise BadFault(f"There is no mailbox {address!r}.")
    return found
