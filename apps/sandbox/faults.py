"""Bad days by appointment: what `POST /faults` arranges, and which requests it hits.

A fault is JSON: ``{"kind": "busy", "operation": "SyncFolderItems", "mailbox": "room@x.example", "nth": 2, "count": 3}``.
It hits `count` requests (default 1; null: all) from the `nth` on that match operation, mailbox and account; each of
these may be left out. Kinds and what else they take:

==================== =====================================================================================
busy                 `seconds` 30: ErrorServerBusy with BackOffMilliseconds; over Graph 429 with Retry-After (null: without)
http                 `status` 503, `headers` {}, `text` "": for example 401, 403, 503 with Retry-After
slow                 `seconds` 1 before anything else happens
cut-before           the connection is closed; nothing was done
cut-after            the same, but all was done
late                 `seconds` null: closed; done later, or at `POST /faults/land`
fault                `code`, `message` "", `values` {}: a SOAP fault
error                `code`, `message`, `values`, `item` "", `status` null: a response code in place of an answer, for one id
                     or for all; over Graph with the status that goes with the code (`apps/sandbox/graph/errors.py`), or this
bad-sync-state       `bare` false: ErrorInvalidSyncStateData, over Graph 410 SyncStateNotFound; bare without what goes with it
truncate             `keep` 1, `claims_all` false: so many items or changes, and by `claims_all` no word of those that are left
empty-page           Graph alone: a page with nothing on it but the way to the next, which is the one that was asked for
duplicate            Graph alone: `status` 409, `names_event` true: how a transaction id that was there before is refused
cut-xml              `part` 0.5, `promised` false: the answer ends early (JSON too); Content-Length of the whole if `promised`
odd                  `element`, `item` "", and `value`, `attribute` and `value`, `fraction` ".123" or `remove` true; over Graph
                     `element` is a property's path (`start.timeZone`), and `value` anything that JSON knows
split                `size` 1, `delay` 0: the answer arrives in chunks of so many bytes
repeat               `times` 2: each notification comes so many times; each row of a delta over Graph
drop                 a notification is never sent
lifecycle            `event` "missed", "subscriptionRemoved" or "reauthorizationRequired": at once, to subscriptions of Graph
replace-mailbox      an empty mailbox takes the address; at once, unless an operation is named
lose-subscriptions   subscriptions end without a word, as in a restart; at once, unless an operation is named
check-delete-key     DeleteItem with a stale change key is a conflict, not a deletion
lock-accounts        `after` 3: at once, so many refused sign-ins lock an account, until faults are called off
redirect-address     `address`: Autodiscover answers redirectAddr
redirect-url         `url`: Autodiscover answers redirectUrl
==================== =====================================================================================

Besides those of EWS there are the operations "Autodiscover" (POST), "AutodiscoverRedirect" (its GET without sign-in;
take kind http, status 302 and a Location) and "Notification" (each envelope of a stream that notifies). Those of Graph are
a method and a template: "GET calendarView/delta", "PATCH events/{id}", "POST $batch"; faults hit requests inside a batch
too, where one that is cut, or late, leaves a 504 in its place. A fault for one item has its id as `item`; `error` takes
it, and `odd`. An expired token is `error` with the code InvalidAuthenticationToken, a closed room `error` with
ErrorAccessDenied and its address as `mailbox`, a write that somebody else overtook `error` with ErrorIrresolvableConflict.
What Graph sends is "notify" (each change) and "lifecycle": they take repeat, drop, and late, which sends later or at `land`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NO_ITEM = {"item": ""}
KINDS: dict[str, dict[str, Any]] = {
    "busy": {"seconds": 30},
    "http": {"status": 503, "headers": {}, "text": ""},
    "slow": {"seconds": 1},
    "cut-before": {},
    "cut-after": {},
    "late": {"seconds": None},
    "fault": {"code": "ErrorInternalServerError", "message": "", "values": {}},
    "error": {
        "code": "ErrorInternalServerError",
        "message": "",
        "values": {},
        "status": None,
        **_NO_ITEM,
    },
    "bad-sync-state": {"bare": False},
    "truncate": {"keep": 1, "claims_all": False},
    "empty-page": {},
    "duplicate": {"status": 409, "names_event": True},
    "cut-xml": {"part": 0.5, "promised": False},
    "odd": {
        "element": "",
        "value": None,
        "attribute": "",
        "fraction": "",
        "remove": False,
        **_NO_ITEM,
    },
    "split": {"size": 1, "delay": 0},
    "repeat": {"times": 2},
    "drop": {},
    "lifecycle": {"event": "missed"},
    "replace-mailbox": {},
    "lose-subscriptions": {},
    "check-delete-key": {},
    "lock-accounts": {"after": 3},
    "redirect-address": {"address": ""},
    "redirect-url": {"url": ""},
}
AT_ONCE = {"replace-mailbox", "lose-subscriptions", "lifecycle", "lock-accounts"}
LIFECYCLE = ("reauthorizationRequired", "subscriptionRemoved", "missed")
_MATCHING: dict[str, Any] = {"operation": "", "mailbox": "", "account": "", "nth": 1, "count": 1}


class BadFault(ValueError):
    """What was posted is no fault; the sentence says why."""


@dataclass
class Fault:
    """One arrangement, how many requests matched it, and how many it hit."""

    id: int
    kind: str
    operation: str
    mailbox: str
    account: str
    nth: int
    count: int | None
    options: dict[str, Any]
    seen: int = 0
    hits: int = 0

    def matches(self, operation: str, mailboxes: set[str], account: set[str]) -> bool:
        """Tell whether a request is meant; addresses and names come in lower case, with all aliases."""
        return (
            self.operation in {"", operation}
            and (not self.mailbox or self.mailbox.lower() in mailboxes)
            and (not self.account or self.account.lower() in account)
        )

    def strikes(self) -> bool:
        """Count a request that matched, and tell whether it is hit."""
        self.seen += 1
        if self.seen < self.nth or (self.count is not None and self.hits >= self.count):
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """Show it as it was posted, with its counters."""
        shown = {name: getattr(self, name) for name in ("id", "kind", *_MATCHING)}
        return {**shown, **self.options, "seen": self.seen, "hits": self.hits}


@dataclass
class Faults:
    """All that is arranged, and the writes that wait to land."""

    _arranged: list[Fault] = field(default_factory=list)
    _waiting: list[Callable[[], object]] = field(default_factory=list)
    _last_id: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arrange(self, posted: object) -> Fault:
        """Take a fault as it was posted. Raises BadFault."""
        if not isinstance(posted, dict):
            raise BadFault("A fault is a JSON object.")
        kind = posted.get("kind")
        if kind not in KINDS:
            raise BadFault(f"There is no kind {kind!r}. Kinds: {', '.join(KINDS)}.")
        known = {**_MATCHING, **KINDS[kind]}
        if unknown := sorted(posted.keys() - known.keys() - {"kind"}):
            raise BadFault(f"{kind} takes no {', '.join(unknown)}. It takes {', '.join(known)}.")
        _check_numbers(posted)
        if kind == "lifecycle" and posted.get("event", "missed") not in LIFECYCLE:
            raise BadFault(f"event must be one of {', '.join(LIFECYCLE)}.")
        chosen = {**known, **{name: value for name, value in posted.items() if name != "kind"}}
        with self._lock:
            self._last_id += 1
            fault = Fault(
                id=self._last_id,
                kind=kind,
                options={name: chosen[name] for name in KINDS[kind]},
                **{name: chosen[name] for name in _MATCHING},
            )
            self._arranged.append(fault)
        return fault

    def hit(self, operation: str, mailboxes: Iterable[str], account: Iterable[str]) -> Hits:
        """Find what hits a request, counting it."""
        addresses, names = {one.lower() for one in mailboxes}, {one.lower() for one in account}
        with self._lock:
            meant = [one for one in self._arranged if one.matches(operation, addresses, names)]
            return Hits([fault for fault in meant if fault.strikes()])

    def forget(self, fault_id: int | None = None) -> None:
        """Call off one arrangement, or all; writes that wait to land go on waiting."""
        with self._lock:
            self._arranged = [one for one in self._arranged if fault_id not in {None, one.id}]

    def as_json(self) -> dict[str, Any]:
        """Show all that is arranged."""
        with self._lock:
            shown = [fault.as_json() for fault in self._arranged]
            return {"faults": shown, "waiting": len(self._waiting)}

    def postpone(self, write: Callable[[], object], seconds: float | None) -> None:
        """Let a write land after some time, or at `land`, whichever comes first."""
        with self._lock:
            self._waiting.append(write)
        if seconds is not None:
            timer = threading.Timer(seconds, self._land_one, [write])
            timer.daemon = True
            timer.start()

    def land(self) -> int:
        """Do all writes that wait, in order; answer how many there were."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for write in waiting:
            write()
        return len(waiting)

    def _land_one(self, write: Callable[[], object]) -> None:
        with self._lock:
            if write not in self._waiting:
                return
            self._waiting.remove(write)
        write()


@dataclass
class Hits:
    """The faults that hit one request."""

    faults: list[Fault] = field(default_factory=list)

    def first(self, kind: str) -> dict[str, Any] | None:
        """Answer the options of the first fault of a kind."""
        return next((fault.options for fault in self.faults if fault.kind == kind), None)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """List the options of the faults of a kind."""
        return [fault.options for fault in self.faults if fault.kind == kind]


def _check_numbers(posted: dict[str, Any]) -> None:
    for name in ("nth", "count", "keep", "times", "size", "status", "after"):
        value = posted.get(name, 1)
        if name == "count" and value is None:
            continue
        if not isinstance(value, int) or value < (0 if name == "keep" else 1):
            raise BadFault(f"{name} must be a whole number from 1 on.")
    for name in ("seconds", "part", "delay"):
        value = posted.get(name)
        if value is not None and (not isinstance(value, int | float) or value < 0):
            raise BadFault(f"{name} must be a number that is not negative.")
