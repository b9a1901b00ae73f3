"""Streams of envelopes, wherever the network cuts them."""

from __future__ import annotations

import pytest

from apps.exchange.ews import envelopes
from apps.exchange.ews.envelopes import Told

SOAP = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope >'
)
SPACES = (
    'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" '
    'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
)


def answer(inner: str, code: str = "NoError", kind: str = "Success") -> bytes:
    message = (
        f"<m:GetStreamingEventsResponse {SPACES}><m:ResponseMessages>"
        f'<m:GetStreamingEventsResponseMessage ResponseClass="{kind}">'
        f"<m:ResponseCode>{code}</m:ResponseCode>{inner}"
        "</m:GetStreamingEventsResponseMessage></m:ResponseMessages></m:GetStreamingEventsResponse>"
    )
    return SOAP.format(message).encode()


def notification(subscription: str, event: str) -> str:
    return (
        f"<m:Notification><t:SubscriptionId>{subscription}</t:SubscriptionId>"
        f"<t:{event}><t:TimeStamp>2027-03-01T09:00:00Z</t:TimeStamp></t:{event}></m:Notification>"
    )


OK = answer("<m:ConnectionStatus>OK</m:ConnectionStatus>")
CHANGED = answer(
    "<m:Notifications>"
    + notification("one", "ModifiedEvent")
    + notification("two", "StatusEvent")
    + notification("three é", "CreatedEvent")
    + "</m:Notifications>"
)
CLOSED = answer("<m:ConnectionStatus>Closed</m:ConnectionStatus>")
STREAM = OK + b"\r\n" + CHANGED + CLOSED


def test_streaming_envelope_split_at_every_byte() -> None:
    expected = [Told(), Told(changed=("one", "three é")), Told(is_closed=True)]
    for cut in range(len(STREAM)):
        found = [envelopes.read(one) for one in envelopes.split([STREAM[:cut], STREAM[cut:]])]

        assert found == expected, cut


def test_stream_that_comes_byte_by_byte_tells_the_same() -> None:
    chunks = (STREAM[at : at + 1] for at in range(len(STREAM)))

    assert len(list(envelopes.split(chunks))) == 3


def test_envelope_is_told_before_the_next_begins() -> None:
    def chunks() -> object:
        yield CHANGED
        raise AssertionError("it waited for more")

    assert envelopes.read(next(envelopes.split(chunks()))).changed  # type: ignore[arg-type]


def test_half_an_envelope_at_the_end_is_dropped() -> None:
    assert len(list(envelopes.split([OK + CHANGED[:-5]]))) == 1


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(envelopes.NoStream):
        list(envelopes.split([b"x" * 1_000_000] * 6))


def test_lost_subscriptions_are_named() -> None:
    ids = (
        "<m:ErrorSubscriptionIds><m:SubscriptionId>one</m:SubscriptionId></m:ErrorSubscriptionIds>"
    )

    told = envelopes.read(answer(ids, "ErrorInvalidSubscription", "Error"))

    assert told == Told(lost=("one",))


def test_lost_subscription_without_a_name_means_all() -> None:
    told = envelopes.read(answer("", "ErrorSubscriptionNotFound", "Error"))

    assert told == Told(are_all_lost=True)


def test_other_errors_are_told_by_their_code() -> None:
    assert envelopes.read(answer("", "ErrorAccessDenied", "Error")) == Told(
        error="ErrorAccessDenied"
    )


def test_faults_are_told_by_their_code() -> None:
    detail = (
        '<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">'
        "ErrorServerBusy</e:ResponseCode>"
    )
    fault = SOAP.format(f"<s:Fault><faultcode>a</faultcode><detail>{detail}</detail></s:Fault>")

    assert envelopes.read(fault.encode()).error == "ErrorServerBusy"
    assert envelopes.read(SOAP.format("<s:Fault/>").encode()).error == "ErrorInternalServerError"
    assert envelopes.read(SOAP.format("<x/>").encode()).error == "ErrorInvalidResponse"
    assert envelopes.read(SOAP.format("").encode()) == Told()
