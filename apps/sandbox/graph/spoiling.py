"""What faults do to a request: instead of an answer, and to an answer that was good."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

from apps.sandbox.graph import ids
from apps.sandbox.graph.errors import GraphError
from apps.sandbox.graph.underway import throttled
from apps.sandbox.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apps.sandbox.ews.service import Outcome
    from apps.sandbox.faults import Hits
    from apps.sandbox.graph.call import Call
    from apps.sandbox.graph.replies import Reply
    from apps.sandbox.store import Mailbox, Store


def before(call: Call, reply: Reply, mailbox: Mailbox | None) -> bool:
    """Do what faults want done before the operation; answer whether that was all. Raises GraphError."""
    hits = call.hits
    for options in hits.all("slow"):
        time.sleep(options["seconds"])
    if http := hits.first("http"):
        reply.status, reply.raw = http["status"], http["text"].encode()
        reply.headers |= {"Content-Type": "text/plain", **http["headers"]}
        return True
    if hits.first("cut-before") is not None:
        reply.cut = True
        return True
    if wait := hits.first("busy"):
        raise throttled(wait["seconds"])
    for options in (*hits.all("fault"), *hits.all("error")):
        if _is_meant(call, options.get("item", "")):
            raise GraphError(
                options["code"],
                options["message"],
                status=options.get("status") or 0,
                more=options["values"],
            )
    call.sandbox.ews.strike(hits, mailbox)
    return False


def _is_meant(call: Call, item: str) -> bool:
    """Tell whether a fault for one item, named by any form of its id, hits what the path names."""
    if not item:
        return True
    try:
        return ids.stored(call.store, call.names.get("event", "")) == ids.stored(call.store, item)
    except StoreError:
        return False


def odd(store: Store, content: Mapping[str, Any], hits: Hits) -> Mapping[str, Any]:
    """Change or remove properties of events as arranged; `element` is a property's path, with dots."""
    arranged = hits.all("odd")
    if not arranged:
        return content
    changed = copy.deepcopy(dict(content))
    for options in arranged:
        for event in _events(changed):
            if not options["item"] or _same(store, event.get("id", ""), options["item"]):
                _make_odd(event, options)
    return changed


def _events(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    listed = content.get("value")
    yield from listed if isinstance(listed, list) else [content]


def _same(store: Store, one: str, other: str) -> bool:
    try:
        return ids.stored(store, one) == ids.stored(store, other)
    except StoreError:
        return False


def _make_odd(event: dict[str, Any], options: Mapping[str, Any]) -> None:
    *path, name = options["element"].split(".")
    place: Any = event
    for part in path:
        place = place.get(part) if isinstance(place, dict) else None
    if not isinstance(place, dict) or (options["remove"] and name not in place):
        return
    if options["remove"]:
        del place[name]
    elif options["fraction"]:
        place[name] = str(place.get(name, "")).partition(".")[0] + options["fraction"]
    else:
        place[name] = options["value"]


def cut_short(outcome: Outcome, hits: Hits) -> None:
    """Let an answer end early, or come in small chunks."""
    if early := hits.first("cut-xml"):
        outcome.length = len(outcome.body) if early["promised"] else None
        outcome.body = outcome.body[: int(len(outcome.body) * early["part"])]
    if split := hits.first("split"):
        outcome.split = (split["size"], split["delay"])
