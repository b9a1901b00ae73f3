"""Batches of up to twenty requests, each judged alone. Source: learn.microsoft.com/graph/json-batching.

What does not wait for another runs at once, as far as clients can tell; of one mailbox, at most four do. What waits for
one and the same request runs one after another ("Request dependencies are limited" in Microsoft's known issues).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from apps.sandbox.graph.call import Answer, Ask, Call
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.replies import Reply
from apps.sandbox.requestlog import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 20
VERSION = "v1.0"
FAILED = 400  # from here on a status is that of a failure
_OF_ALL = frozenset({"host", "authorization", "content-length"})

Request = dict[str, Any]


def batch(call: Call) -> Answer:
    """Answer POST $batch: always 200, with an answer for each request. Raises GraphError for a batch that is none."""
    waiting = _read(call.body)
    done: dict[str, Reply] = {}
    responses: list[dict[str, Any]] = []
    while waiting:
        ready = [one for one in waiting if all(name in done for name in one.get("dependsOn") or ())]
        waiting = [one for one in waiting if one not in ready]
        for one, reply in _at_once(call, ready, done):
            done[str(one["id"])] = reply
            responses.append(_written(str(one["id"]), reply))
    return Answer(content={"responses": responses})


def _read(body: Any) -> list[Request]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise bad("Invalid batch payload format.")
    if len(requests) > MOST:
        raise bad("Number of batch request steps exceeds the maximum value of 20.")
    names = [str(one.get("id") or "") for one in requests]
    if not all(names) or len(set(names)) < len(names):
        raise bad("Each batch request needs an id of its own.")
    seen: set[str] = set()
    for name, one in zip(names, requests, strict=True):
        if not isinstance(one.get("method"), str) or not isinstance(one.get("url"), str):
            raise bad("Each batch request needs a method and a url.")
        if unknown := [given for given in one.get("dependsOn") or () if str(given) not in seen]:
            raise bad(
                f"Invalid value '{unknown[0]}' for dependsOn: it names no request before this one."
            )
        if one.get("body") is not None and "content-type" not in _headers(one):
            raise bad("A request with a body needs the header Content-Type.")
        seen.add(name)
    return requests


def _at_once(
    call: Call, ready: list[Request], done: dict[str, Reply]
) -> Iterator[tuple[Request, Reply]]:
    """Answer requests that run at the same time."""
    running: Counter[str] = Counter()
    for one in ready:
        if any(done[name].status >= FAILED for name in one.get("dependsOn") or ()):
            reply = Reply()
            reply.refuse(GraphError("FailedDependency"), call.store.now())
        else:
            began = time.perf_counter()
            reply = call.again(_ask(call, one, Counter() if one.get("dependsOn") else running))
            if reply.cut:
                reply.refuse(GraphError("UnknownError", status=504), call.store.now())
            _note(call, reply, began)
        yield one, reply


def _note(call: Call, reply: Reply, began: float) -> None:
    call.sandbox.requests.add(
        Line(
            operation=reply.operation,
            mailbox=reply.mailbox,
            account=reply.account,
            status=reply.status,
            codes=reply.codes,
            ms=round((time.perf_counter() - began) * 1000, 3),
            in_batch=True,
        )
    )


def _ask(call: Call, one: Request, running: Counter[str]) -> Ask:
    address = urlsplit(one["url"])
    path = address.path if address.path.startswith("/") else f"/{address.path}"
    body = one.get("body")
    of_all = {name: value for name, value in call.headers.items() if name in _OF_ALL}
    return Ask(
        method=one["method"].upper(),
        path=f"/{VERSION}{path}",
        query=address.query,
        headers=of_all | _headers(one),
        body=b"" if body is None else json.dumps(body).encode(),
        host=call.request.host,
        batched=running,
    )


def _headers(one: Request) -> dict[str, str]:
    given = one.get("headers")
    return (
        {name.lower(): str(value) for name, value in given.items()}
        if isinstance(given, dict)
        else {}
    )


def _written(name: str, reply: Reply) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": name, "status": reply.status, "headers": reply.headers}
    if reply.raw is not None:
        shown["body"] = reply.raw.decode("utf-8", "replace")
    elif reply.content is not None:
        shown["body"] = reply.content
    return shown
