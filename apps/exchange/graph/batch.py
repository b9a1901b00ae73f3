"""Several requests in one: https://learn.microsoft.com/graph/json-batching

Each answer is judged alone. A batch is either wholly parallel, with at most so many of one mailbox as
a mailbox is asked at once, or all parts depend on one that stands for the mailbox itself: then they
run one after another, and none of them fails for another's sake. Chains, in which each part depends
on the one before, would: https://learn.microsoft.com/graph/known-issues ("Request dependencies are
limited").
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from apps.exchange.errors import ExchangeError
from apps.exchange.graph import codes, links
from apps.exchange.graph.client import Answer, Call, Client, prefer, request_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Microsoft's limit.
LARGEST = 20
# A part that was not even tried is asked for again so many times.
TRIES = 3
_FAILED_DEPENDENCY, _UNAUTHORIZED = 424, 401


def ask(client: Client, calls: Sequence[Call]) -> list[Mapping[str, Any] | ExchangeError]:
    """Send reads, as few requests as may be; of each the JSON, or what went wrong with it.

    Raises:
        ExchangeError: a batch as a whole was not answered, or the mailbox itself refuses.
    """
    if len(calls) == 1:
        # Alone it costs as much, and is easier to read in anybody's log.
        return [client.judged(client.send(calls[0]), calls[0])]
    found: dict[int, Answer] = {}
    for _try in range(TRIES):
        left = [number for number in range(len(calls)) if number not in found]
        if not left:
            break
        for numbers in _packed(client, calls, left):
            found |= _send(client, calls, numbers)
    return [
        client.judged(found[number], call) if number in found else codes.damaged(client.where(call))
        for number, call in enumerate(calls)
    ]


def _packed(client: Client, calls: Sequence[Call], left: list[int]) -> list[list[int]]:
    """Which parts go together: those of one mailbox behind its own, others a few of each mailbox."""
    at_once = client.settings.calls_per_mailbox
    emails = {calls[number].email or client.email for number in left}
    if len(emails) == 1 and len(left) > at_once:
        # One place is the mailbox's own.
        return [left[at : at + LARGEST - 1] for at in range(0, len(left), LARGEST - 1)]
    batches: list[list[int]] = []
    for number in left:
        email = calls[number].email or client.email
        for batch in batches:
            same = Counter(calls[one].email or client.email for one in batch)
            if len(batch) < LARGEST and same[email] < at_once:
                batch.append(number)
                break
        else:
            batches.append([number])
    return batches


def _send(client: Client, calls: Sequence[Call], numbers: Sequence[int]) -> dict[int, Answer]:
    """One batch; the answers to the parts that were tried."""
    emails = Counter(calls[number].email or client.email for number in numbers)
    is_in_order = max(emails.values()) > client.settings.calls_per_mailbox
    first = _mailbox(next(iter(emails))) if is_in_order else None
    parts = [_part(str(number), calls[number], first) for number in numbers]
    if first is not None:
        parts.insert(0, _part("mailbox", first, None))
    outer = Call(
        "POST $batch", "/$batch", {"requests": parts},
        # One mailbox alone: its batch is one call on the line to it.
        email=next(iter(emails)) if len(emails) == 1 else "",
    )  # fmt: skip
    answers = _answers(client, outer)
    if any(answer.status == _UNAUTHORIZED for answer in answers.values()):
        # The token ran out within: all of them are reads, and go once more with a new one.
        client.settings.tokens.get(refused=client.settings.tokens.get())
        answers = _answers(client, outer)
    if first is not None and "mailbox" in answers:
        found = client.judged(answers["mailbox"], first)
        if isinstance(found, ExchangeError):
            raise found
    return {
        number: answers[str(number)]
        for number in numbers
        if str(number) in answers and answers[str(number)].status != _FAILED_DEPENDENCY
    }


def _mailbox(email: str) -> Call:
    """What succeeds if anything in the mailbox does: https://learn.microsoft.com/graph/api/calendar-get"""
    url = links.with_query(links.path("users", email, "calendar"), _select="id")
    return Call("GET calendar", url, email=email)


def _part(name: str, call: Call, after: Call | None) -> dict[str, Any]:
    part: dict[str, Any] = {
        "id": name,
        "method": call.method,
        "url": call.url,
        "headers": {**prefer(), **call.headers},
    }
    if after is not None:
        part["dependsOn"] = ["mailbox"]
    return part


def _answers(client: Client, outer: Call) -> dict[str, Answer]:
    """The answers by the names of their parts; what cannot be read is no answer."""
    told = client.ask(outer).get("responses")
    found = {}
    for one in told if isinstance(told, list) else []:
        if not isinstance(one, dict) or not isinstance(one.get("status"), int):
            continue
        headers, body = one.get("headers"), one.get("body")
        names = {str(name).lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}  # fmt: skip
        found[str(one.get("id"))] = Answer(
            one["status"],
            body if isinstance(body, dict) else {},
            retry_after=str(names.get("retry-after", "")),
            is_damaged=not isinstance(body, dict),
            request_id=request_id(str(names.get("request-id", ""))),
        )
    return found
