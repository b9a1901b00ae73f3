"""Tokens instead of a password: they go with each request, are renewed once, and stop what must stop."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field, replace

import pytest

from apps.exchange.errors import AccessDenied, AuthenticationFailed, Transient
from apps.exchange.ews.check import Step, check
from apps.exchange.ews.codes import SwitchedOff
from apps.exchange.ews.session import BEARER_AUTH, DELEGATE, IMPERSONATION, EwsSettings
from apps.exchange.ews.streaming import EwsPushes
from apps.exchange.ews.wire import Wire
from apps.exchange.ews.xml import find, make, parse
from apps.sandbox.server import SandboxServer
from tests.exchange.ews.bearer_room import APP, BearerRoom
from tests.exchange.ews.sandbox_room import DOMAIN
from tests.exchange.ews.soap import Exchange, answer, bad, fault, good, synced
from tests.exchange.http import Answer

PAYLOAD = make("m:SyncFolderItems")
EXPIRED = Answer(status=401, headers={"WWW-Authenticate": "Bearer", "x-ms-diagnostics": '2000001;reason="expired"'})  # fmt: skip


@dataclass
class Purse:
    """Tokens one after the other; the next one comes when the last was refused."""

    tokens: list[str] = field(default_factory=lambda: ["token-1", "token-2"])
    asked: list[str] = field(default_factory=list)

    def get(self, refused: str = "") -> str:
        self.asked.append(refused)
        if refused:
            self.tokens.remove(refused)
        if not self.tokens:
            raise AuthenticationFailed("The grant was taken back.")
        return self.tokens[0]


@pytest.fixture
def purse() -> Purse:
    return Purse()


def settings_for(exchange: Exchange, purse: Purse, access: str = IMPERSONATION) -> EwsSettings:
    plain = exchange.settings(auth=BEARER_AUTH, access=access, password="", app_id=APP)
    return replace(plain, tokens=purse)


def wire_for(exchange: Exchange, purse: Purse, access: str = IMPERSONATION) -> Wire:
    return Wire(settings_for(exchange, purse, access), "room@example.com")


def sent(exchange: Exchange) -> list[str]:
    return [asked.headers.get("Authorization", "") for asked in exchange.server.asked]


def test_token_goes_with_each_request(exchange: Exchange, purse: Purse) -> None:
    exchange.says(synced(), synced())
    wire = wire_for(exchange, purse)

    wire.message(PAYLOAD)
    purse.tokens.insert(0, "token-0")
    wire.message(PAYLOAD)

    assert sent(exchange) == ["Bearer token-1", "Bearer token-0"]
    assert exchange.server.asked[0].headers["X-AnchorMailbox"] == "room@example.com"


@pytest.mark.parametrize(("access", "names_it"), [(IMPERSONATION, True), (DELEGATE, False)])
def test_application_acts_for_the_mailbox_and_an_account_for_itself(
    exchange: Exchange, purse: Purse, access: str, names_it: bool
) -> None:
    exchange.says(synced())

    wire_for(exchange, purse, access).message(PAYLOAD)

    header = find(parse(exchange.server.asked[0].body), "s:Header")
    assert (find(header, "t:ExchangeImpersonation") is not None) is names_it


def test_refused_token_is_renewed_once_and_the_request_sent_again(
    exchange: Exchange, purse: Purse
) -> None:
    exchange.says(EXPIRED, synced())

    wire_for(exchange, purse).message(PAYLOAD)

    assert sent(exchange) == ["Bearer token-1", "Bearer token-2"]
    assert len(exchange.requests[1]) == len(exchange.requests[0])
    assert purse.asked == ["", "token-1"]


def test_second_refusal_stops_the_connection(exchange: Exchange, purse: Purse) -> None:
    exchange.says(EXPIRED, EXPIRED, synced())

    with pytest.raises(AuthenticationFailed) as caught:
        wire_for(exchange, purse).message(PAYLOAD)

    assert len(exchange.server.asked) == 2
    assert "grant access again" in caught.value.fix


def test_grant_that_was_taken_back_in_mid_run_stops_it(exchange: Exchange, purse: Purse) -> None:
    purse.tokens = ["token-1"]
    exchange.says(synced(), EXPIRED)
    wire = wire_for(exchange, purse)
    wire.message(PAYLOAD)

    with pytest.raises(AuthenticationFailed, match="taken back"):
        wire.message(PAYLOAD)

    assert len(exchange.server.asked) == 2


def test_token_without_permissions_says_which_are_missing(exchange: Exchange, purse: Purse) -> None:
    diagnostics = '2000008;reason="The token contains no permissions"'
    exchange.says(*[Answer(status=401, headers={"x-ms-diagnostics": diagnostics})] * 2)

    with pytest.raises(AuthenticationFailed) as caught:
        wire_for(exchange, purse).message(PAYLOAD)

    assert "Exchange Web Services" in caught.value.cause


def test_refusal_of_the_application_names_the_list_and_the_way_out(
    exchange: Exchange, purse: Purse
) -> None:
    exchange.says(Answer(status=403))

    with pytest.raises(SwitchedOff) as caught:
        wire_for(exchange, purse).message(PAYLOAD)

    assert purse.asked == [""]
    assert "1 April 2027" in caught.value.cause
    assert "Microsoft Graph" in caught.value.fix
    assert "EwsAllowedAppIDs" in caught.value.command
    assert APP in caught.value.command


def test_mailbox_outside_the_scope_names_the_role(exchange: Exchange, purse: Purse) -> None:
    exchange.says(fault("ErrorImpersonateUserDenied"))

    with pytest.raises(AccessDenied) as caught:
        wire_for(exchange, purse).message(PAYLOAD)

    assert "Application EWS.AccessAsApp" in caught.value.command


def test_no_token_means_no_request(exchange: Exchange) -> None:
    class Closed:
        def get(self, refused: str = "") -> str:
            raise Transient("Microsoft does not answer.")

    wire = Wire(replace(settings_for(exchange, Purse()), tokens=Closed()), "room@example.com")

    for _more_often_than_there_are_sessions in range(6):
        with pytest.raises(Transient):
            wire.message(PAYLOAD)

    assert exchange.server.asked == []


def test_stream_opens_with_a_token_of_its_own_moment(exchange: Exchange, purse: Purse) -> None:
    subscribed = answer("Subscribe", good("Subscribe", "<m:SubscriptionId>s1</m:SubscriptionId>"))
    closing = answer("GetStreamingEvents", good("GetStreamingEvents", "<m:ConnectionStatus>Closed</m:ConnectionStatus>"))  # fmt: skip
    exchange.says(subscribed, EXPIRED, closing)
    pushes = EwsPushes(settings_for(exchange, purse))
    subscription = pushes.subscribe("room@example.com")

    list(pushes.listen([subscription]))

    assert sent(exchange) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_stream_whose_every_token_is_refused_says_so(exchange: Exchange, purse: Purse) -> None:
    subscribed = answer("Subscribe", good("Subscribe", "<m:SubscriptionId>s1</m:SubscriptionId>"))
    exchange.says(subscribed, EXPIRED, EXPIRED)
    pushes = EwsPushes(settings_for(exchange, purse))

    with pytest.raises(AuthenticationFailed):
        list(pushes.listen([pushes.subscribe("room@example.com")]))


def test_check_has_no_stage_of_a_password(exchange: Exchange, purse: Purse) -> None:
    lists = bad("GetRoomLists", "ErrorImpersonationRequired")
    exchange.says(Answer(status=401, headers={"WWW-Authenticate": "Bearer"}), answer("X", lists))

    stages = list(check(settings_for(exchange, purse)))

    assert [stage.step for stage in stages] == [
        Step.NAME, Step.NETWORK, Step.ENCRYPTION, Step.SIGN_IN, Step.VERSION,
    ]  # fmt: skip
    assert all(stage.is_passed for stage in stages)
    assert "application" in stages[3].words
    assert sent(exchange)[0] == ""


def test_tokens_reach_neither_logs_nor_words(
    exchange: Exchange, purse: Purse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    exchange.says(EXPIRED, EXPIRED)
    settings = settings_for(exchange, purse)

    with pytest.raises(AuthenticationFailed) as caught:
        Wire(settings, "room@example.com").message(PAYLOAD)

    assert "token-" not in caplog.text + str(caught.value) + repr(settings)


class TestOnTheSandbox:
    """Exchange Online looks at what a token says, and at its list of applications."""

    def test_account_that_signed_in_opens_what_it_has_rights_to(self, sound: SandboxServer) -> None:
        room = BearerRoom(sound, access=DELEGATE)

        assert room.calendar.open().can_write
        room.faults.take_writing()
        assert not room.fresh().open().can_write

    def test_token_that_ends_in_mid_run_is_renewed(self, sound: SandboxServer) -> None:
        room = BearerRoom(sound)
        known = room.calendar.open()

        sound.store.set_clock(sound.store.now() + dt.timedelta(hours=2))

        assert room.calendar.open() == known
        assert room.tokens.issued == 2

    def test_token_for_another_resource_opens_nothing(self, sound: SandboxServer) -> None:
        room = BearerRoom(sound)
        room.tokens.resource = "graph"

        with pytest.raises(AuthenticationFailed):
            room.calendar.open()

        assert room.tokens.issued == 2

    def test_application_that_is_not_on_the_list(self, sound: SandboxServer) -> None:
        room = BearerRoom(sound)
        sound.store.organisation(DOMAIN).ews_allowed_apps = frozenset()

        stages = list(check(room.settings, room.other))

        assert stages[-1].step is Step.SIGN_IN
        assert isinstance(stages[-1].error, SwitchedOff)
        assert room.tokens.issued == 1

    def test_every_stage_of_the_check_is_passed(self, sound: SandboxServer) -> None:
        room = BearerRoom(sound)

        stages = list(check(room.settings, room.other))

        assert all(stage.is_passed for stage in stages)
        assert stages[-1].step is Step.MAILBOX
