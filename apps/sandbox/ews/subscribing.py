"""Subscribe, Unsubscribe, GetEvents, and the checks before GetStreamingEvents streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import soap
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.folders import place
from apps.sandbox.ews.names import M, T, short
from apps.sandbox.streaming import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.sandbox.ews.call import Call

Element = Any  # lxml has no types

MOST_IDS = 200


def subscribe(call: Call) -> str:
    """Answer Subscribe, for streaming and for pull."""
    wanted = call.body[0]
    is_pull = short(wanted.tag) == "m:PullSubscriptionRequest"

    def one() -> str:
        mailbox_id, folder_ids = _where(call, wanted)
        types = frozenset(
            element.text for element in wanted.iterfind(f"{T}EventTypes/{T}EventType")
        )
        made = call.subscriptions.subscribe(
            call.caller.account.login,
            mailbox_id,
            folder_ids,
            types,
            int(wanted.findtext(f"{T}Timeout")) if is_pull else 0,
        )
        watermark = f"<m:Watermark>{made.watermark(0)}</m:Watermark>" if is_pull else ""
        return f"<m:SubscriptionId>{made.id}</m:SubscriptionId>{watermark}"

    return call.together([call.one("", one)])


def _where(call: Call, wanted: Element) -> tuple[str, frozenset[str]]:
    """Find the mailbox and the folders; all folders of a mailbox are told by none."""
    named = wanted.find(f"{T}FolderIds")
    if wanted.get("SubscribeToAllFolders") in {"true", "1"} or named is None:
        if call.caller.mailbox is None:
            raise Refusal("ErrorMissingEmailAddress")
        return call.caller.mailbox.id, frozenset()
    places = [place(call, element) for element in named]
    if len({one.mailbox.id for one in places}) > 1:
        raise Refusal(
            "ErrorInvalidSubscriptionRequest",
            "All folders of a subscription must be in one mailbox.",
        )
    return places[0].mailbox.id, frozenset(one.id for one in places)


def unsubscribe(call: Call) -> str:
    """Answer Unsubscribe."""

    def one() -> str:
        call.subscriptions.end(call.body.findtext(f"{M}SubscriptionId"), call.caller.account.login)
        return ""

    return call.together([call.one("", one)])


def get_events(call: Call) -> str:
    """Answer GetEvents: what happened since a watermark, or that nothing did."""

    def one() -> str:
        watermark = call.body.findtext(f"{M}Watermark")
        found, number, events = call.subscriptions.fetch(
            call.body.findtext(f"{M}SubscriptionId"), call.caller.account.login, watermark
        )
        shown = "".join(event(kind, content, found.watermark(at)) for at, kind, content in events)
        if not events:
            shown = event("StatusEvent", "", found.watermark(number))
        return (
            f"<m:Notification><t:SubscriptionId>{found.id}</t:SubscriptionId>"
            f"<t:PreviousWatermark>{watermark}</t:PreviousWatermark><t:MoreEvents>false</t:MoreEvents>"
            f"{shown}</m:Notification>"
        )

    return call.together([call.one("", one)])


def get_streaming_events(call: Call) -> Iterator[str]:
    """Answer GetStreamingEvents: the contents of one envelope after the other."""
    ids = [element.text for element in call.body.iterfind(f"{M}SubscriptionIds/{T}SubscriptionId")]
    account = call.caller.account.login
    minutes = int(call.body.findtext(f"{M}ConnectionTimeout"))
    try:
        _refuse_many(call, ids)
        with call.subscriptions.connection(account):
            yield from call.subscriptions.stream(ids, account, minutes)
    except Refusal as refusal:
        yield call.together([soap.refused(call.operation, refusal)])


def _refuse_many(call: Call, ids: list[str]) -> None:
    call.arranged_error("")
    if len(ids) > MOST_IDS:
        raise Refusal(
            "ErrorInvalidSubscriptionRequest", "At most 200 subscriptions in one request."
        )
