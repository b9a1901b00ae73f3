"""The way of a request: token, route, faults, operation, and back; the same for each request of a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from apps.sandbox.ews.service import Outcome
from apps.sandbox.graph import errors, routing, spoiling, times
from apps.sandbox.graph.call import Answer, Ask, Call, Preferences, named_mailbox
from apps.sandbox.graph.errors import GraphError
from apps.sandbox.graph.replies import Reply
from apps.sandbox.identity import callers
from apps.sandbox.store import StoreError

if TYPE_CHECKING:
    from apps.sandbox.faults import Hits
    from apps.sandbox.graph.routing import Route
    from apps.sandbox.identity.callers import Caller
    from apps.sandbox.server import SandboxServer
    from apps.sandbox.store import Mailbox
    from apps.sandbox.web import Request

BELOW = "/graph"


def respond(sandbox: SandboxServer, request: Request) -> Outcome:
    """Answer a request below `/graph`. What it sets as operation, mailbox and account is noted in the request log."""
    reply = answered(
        sandbox,
        Ask(
            method=request.method,
            path=request.path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.body,
            host=request.headers.get("Host", ""),
        ),
    )
    outcome = Outcome(
        status=reply.status,
        headers=reply.headers,
        cut=reply.cut,
        operation=reply.operation,
        mailbox=reply.mailbox,
        account=reply.account,
        codes=reply.codes,
    )
    outcome.body = reply.serialised()
    spoiling.cut_short(outcome, reply.hits)
    return outcome


def answered(sandbox: SandboxServer, ask: Ask) -> Reply:
    """Answer one request: whatever is refused gets Graph's body for refusals, and Graph's headers."""
    reply = Reply(
        operation=f"{ask.method} {ask.path.removeprefix(f'/{routing.VERSION}/')}",
        client_request_id=ask.headers.get("client-request-id", ""),
    )
    try:
        _answer(sandbox, ask, reply)
    except (GraphError, StoreError, callers.TokenRefused) as error:
        reply.refuse(_refusal(error), sandbox.store.now())
    reply.sign()
    return reply


def _refusal(error: GraphError | StoreError | callers.TokenRefused) -> GraphError:
    if isinstance(error, StoreError):
        return errors.of_store(error)
    if isinstance(error, callers.TokenRefused):
        challenge = f'Bearer realm="", error="invalid_token", error_description="{error.message}"'
        return GraphError(
            error.code, error.message, status=401, headers={"WWW-Authenticate": challenge}
        )
    return error


def _answer(sandbox: SandboxServer, ask: Ask, reply: Reply) -> None:
    """Find who asks for what, and let it be done. Raises GraphError, StoreError and TokenRefused."""
    route = routing.find(ask.method, ask.path)
    reply.operation = route.operation
    caller = callers.caller(sandbox.store, ask.headers.get("authorization", ""), "graph")
    reply.account = caller.name
    mailbox = _target(sandbox, caller, route)
    reply.mailbox = mailbox.address if mailbox else ""
    addresses = [mailbox.address, *mailbox.aliases] if mailbox else []
    reply.hits = sandbox.faults.hit(route.operation, addresses, [caller.name, caller.app_id])
    call = _call(sandbox, ask, route, caller, reply.hits)
    with sandbox.underway.one(caller.app_id, mailbox.id if mailbox else "", ask.batched):
        _run(call, route, reply, mailbox)


def _target(sandbox: SandboxServer, caller: Caller, route: Route) -> Mailbox | None:
    """Tell which mailbox a request is about, for faults and the log; rights are another matter."""
    if not route.owner:
        return None
    try:
        return named_mailbox(sandbox.store, caller, route.names.get("user", ""))
    except GraphError:
        return None


def _call(sandbox: SandboxServer, ask: Ask, route: Route, caller: Caller, hits: Hits) -> Call:
    service = f"http://{ask.host}{BELOW}/{routing.VERSION}"
    path = f"{BELOW}{ask.path}"
    owner = "/".join(ask.path.strip("/").split("/")[: 1 + route.owner])
    return Call(
        sandbox=sandbox,
        caller=caller,
        names=route.names,
        arguments={
            name.lower(): values[0]
            for name, values in parse_qs(ask.query, keep_blank_values=True).items()
        },
        headers=ask.headers,
        body=_json(ask.body),
        address=f"http://{ask.host}{path}",
        service=service,
        owner=f"http://{ask.host}{BELOW}/{owner}",
        preferences=Preferences.of(ask.headers.get("prefer", "")),
        hits=hits,
        request=ask,
        again=lambda other: answered(sandbox, other),
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body.strip() else None
    except ValueError:
        raise errors.bad("Unable to read JSON request payload.") from None


def _run(call: Call, route: Route, reply: Reply, mailbox: Mailbox | None) -> None:
    """Let a request be done, with what faults do before, instead and after."""
    times.zone(call.preferences.time_zone)
    if spoiling.before(call, reply, mailbox):
        return
    if late := call.hits.first("late"):
        call.sandbox.faults.postpone(lambda: _done(call, route), late["seconds"])
        reply.cut = True
        return
    answer = _done(call, route)
    reply.cut = call.hits.first("cut-after") is not None
    reply.status, reply.content = answer.status, answer.content
    reply.headers |= answer.headers
    applied = [*call.preferences.applied, *([answer.preference] if answer.preference else [])]
    if applied:
        reply.headers["Preference-Applied"] = ", ".join(applied)
    if reply.content is not None:
        reply.content = spoiling.odd(call.store, reply.content, call.hits)


def _done(call: Call, route: Route) -> Answer:
    if not route.is_quick:
        return route.answer(call)
    with call.store.lock:
        return route.answer(call)
