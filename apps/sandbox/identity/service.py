"""What is answered below `/login`: which endpoint, whose, and the faults that hit it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from apps.sandbox.desk import as_json
from apps.sandbox.ews.service import Outcome
from apps.sandbox.faults import Hits
from apps.sandbox.identity import approving, authorizing, granting, metadata, myapps, screens
from apps.sandbox.identity.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.server import SandboxServer
    from apps.sandbox.store import Store
    from apps.sandbox.web import Request

TRANSIENT = 90033


def respond(sandbox: SandboxServer, request: Request) -> Outcome:
    """Answer a request below `/login`."""
    tenant, _, rest = request.path.removeprefix("/").partition("/")
    if tenant == "myapps" and not rest:
        return myapps.respond(sandbox.store, request)
    operation, methods, answer = ENDPOINTS.get(rest.lower(), ("", "", _unknown))
    if methods and request.method not in methods:
        return Outcome(405, b"", {"Allow": ", ".join(methods)})
    names = granting.whose(sandbox.store, request.form) if operation == "token" else _named(request)
    hits = sandbox.faults.hit(operation, (), names) if operation else Hits()
    outcome = _before(sandbox.store, hits) or answer(sandbox.store, tenant, request)
    if hits.first("cut-after") is not None:
        outcome = Outcome(cut=True, codes=outcome.codes)
    outcome.operation = operation
    outcome.account = outcome.account or next(iter(names), "")
    return outcome


def _named(request: Request) -> list[str]:
    """Tell whose a page is, as far as the request says."""
    named = (request.form.get("account"), request.arguments.get("login_hint"))
    return [one for one in named if one]


def _before(store: Store, hits: Hits) -> Outcome | None:
    """Do what faults want done in place of an answer; "error" refuses by the code of an AADSTS error."""
    for options in hits.all("slow"):
        time.sleep(options["seconds"])
    if http := hits.first("http"):
        headers = {"Content-Type": "text/plain", **http["headers"]}
        return Outcome(http["status"], http["text"].encode(), headers)
    if hits.first("cut-before") is not None:
        return Outcome(cut=True)
    if wrong := hits.first("error"):
        digits = str(wrong["code"]).removeprefix("AADSTS")
        return _refused(store, Refusal(int(digits) if digits.isdigit() else TRANSIENT))
    return None


def _token(store: Store, tenant: str, request: Request) -> Outcome:
    correlation = request.headers.get("client-request-id", "")
    try:
        return _plain(200, granting.token(store, tenant, request.form))
    except Refusal as refusal:
        return _refused(store, refusal, correlation)


def _refused(store: Store, refusal: Refusal, correlation: str = "") -> Outcome:
    outcome = _plain(refusal.status, refusal.body(store.now(), correlation))
    outcome.codes = (refusal.name,)
    return outcome


def _plain(status: int, content: dict[str, Any]) -> Outcome:
    outcome = as_json(status, content)
    outcome.headers |= {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return outcome


def _first_adminconsent(store: Store, tenant: str, request: Request) -> Outcome:
    return approving.adminconsent(store, tenant, request, is_first=True)


def _adminconsent(store: Store, tenant: str, request: Request) -> Outcome:
    return approving.adminconsent(store, tenant, request, is_first=False)


def _configuration(store: Store, tenant: str, request: Request) -> Outcome:
    return _published(store, lambda: metadata.configuration(store, tenant))


def _keys(store: Store, tenant: str, request: Request) -> Outcome:
    return _published(store, lambda: metadata.keys(store, tenant))


def _published(store: Store, read: Callable[[], dict[str, Any]]) -> Outcome:
    try:
        return as_json(200, read())
    except Refusal as refusal:
        return _refused(store, refusal)


def _unknown(store: Store, tenant: str, request: Request) -> Outcome:
    return screens.not_found()


_PAGE = ("GET", "HEAD", "POST")
ENDPOINTS: dict[str, tuple[str, tuple[str, ...], Callable[[Store, str, Request], Outcome]]] = {
    "oauth2/v2.0/authorize": ("authorize", _PAGE, authorizing.authorize),
    "oauth2/v2.0/token": ("token", ("POST",), _token),
    "v2.0/adminconsent": ("adminconsent", _PAGE, _adminconsent),
    "adminconsent": ("adminconsent", _PAGE, _first_adminconsent),
    "v2.0/.well-known/openid-configuration": ("configuration", ("GET", "HEAD"), _configuration),
    "discovery/v2.0/keys": ("keys", ("GET", "HEAD"), _keys),
}
