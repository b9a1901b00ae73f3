"""Requests about subscriptions; what they ask for is in `subscriptions`.

Source: learn.microsoft.com/graph/api/resources/subscription, and the pages of its methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.graph.call import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.graph.call import Call


def create(call: Call) -> Answer:
    """Subscribe. While its addresses are asked for their tokens, the store is nobody's."""
    made = call.sandbox.notifications.create(
        call.caller, _wanted(call), names_immutable=call.preferences.immutable
    )
    return Answer(201, _one(call, made))


def list_all(call: Call) -> Answer:
    """List the caller's own."""
    listed = call.sandbox.notifications.listed(call.caller)
    return Answer(content={"@odata.context": _context(call), "value": listed})


def read(call: Call) -> Answer:
    """Show one."""
    return Answer(
        content=_one(call, call.sandbox.notifications.read(call.caller, call.names["subscription"]))
    )


def renew(call: Call) -> Answer:
    """Set a new end."""
    renewed = call.sandbox.notifications.renew(
        call.caller, call.names["subscription"], _wanted(call)
    )
    return Answer(content=_one(call, renewed))


def reauthorize(call: Call) -> Answer:
    """Go on after a challenge."""
    call.sandbox.notifications.reauthorize(call.caller, call.names["subscription"])
    return Answer(204)


def end(call: Call) -> Answer:
    """End one."""
    call.sandbox.notifications.end(call.caller, call.names["subscription"])
    return Answer(204)


def _wanted(call: Call) -> Mapping[str, Any]:
    return call.body if isinstance(call.body, dict) else {}


def _context(call: Call) -> str:
    return f"{call.service}/$metadata#subscriptions"


def _one(call: Call, shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"@odata.context": f"{_context(call)}/$entity", **shown}
