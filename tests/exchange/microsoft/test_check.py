"""*Check* of Microsoft 365 over HTTP: what each stage finds, and what is granted, by calls alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.exchange import checking, identity, services
from apps.exchange.models import AccessToken, ExchangeConnection
from tests.exchange.microsoft.lantern import CLIENT, DESK, OTHER_ROOM, ROOM, SECRET, Lantern

pytestmark = pytest.mark.django_db


def failed(stages: list[checking.Stage]) -> checking.Stage:
    assert [stage.ok for stage in stages[:-1]] == [True] * (len(stages) - 1)
    assert not stages[-1].ok
    return stages[-1]


def states(connection: ExchangeConnection) -> dict[str, str]:
    return {one["name"]: one["state"] for one in connection.permissions}


def test_organisation_wide_access_passes_every_stage(lantern: Lantern, settings: Any) -> None:
    settings.PUBLIC_URL = "https://sync.example.com"
    settings.MICROSOFT_SECRET_EXPIRES_ON = (timezone.localdate() + dt.timedelta(days=9)).isoformat()
    lantern.grant("Calendars.ReadWrite", "Place.Read.All", "MailboxSettings.Read")
    connection = lantern.of_organisation(state="pending")

    told = services.check(connection)

    assert [(one.name, one.ok) for one in told] == [
        ("registration", True), ("token", True), ("organisation", True), ("mailbox", True),
        ("permissions", True), ("secret", True),
    ]  # fmt: skip
    assert connection.state == "installed"
    assert states(connection) == {
        "Calendars.ReadWrite": "granted", "Place.Read.All": "granted",
        "MailboxSettings.Read": "granted", "Notifications": "granted",
    }  # fmt: skip
    assert "9 more days" in told[-1].words


def test_application_that_may_read_the_organisation_learns_its_name(lantern: Lantern) -> None:
    lantern.grant("Calendars.ReadWrite", "Organization.Read.All")
    connection = lantern.of_organisation()

    services.check(connection)

    assert connection.organisation_name == "Lantern House"


def test_what_is_not_needed_is_told_as_missing_and_fails_nothing(lantern: Lantern) -> None:
    lantern.grant("Calendars.ReadWrite")
    connection = lantern.of_organisation()

    assert all(stage.ok for stage in services.check(connection))

    assert states(connection) == {
        "Calendars.ReadWrite": "granted", "Place.Read.All": "missing",
        "MailboxSettings.Read": "missing", "Notifications": "missing",
    }  # fmt: skip


def test_one_account_passes_and_shows_whose_it_is(lantern: Lantern) -> None:
    connection = lantern.of_account()

    assert all(stage.ok for stage in services.check(connection))

    assert connection.organisation_name == "Lantern House"
    assert (connection.email, connection.account_name) == (DESK, "Front desk")
    assert states(connection) == {
        "Calendars.ReadWrite.Shared": "granted", "Place.Read.All": "missing",
        "Notifications": "missing",
    }  # fmt: skip


def test_limit_of_exchange_opens_mailboxes_though_no_token_names_it(lantern: Lantern) -> None:
    lantern.limit_to(ROOM)
    inside, outside = lantern.of_organisation(), lantern.of_organisation(try_email=OTHER_ROOM)

    assert all(stage.ok for stage in services.check(inside))
    assert failed(services.check(outside)).name == "mailbox"

    assert states(inside)["Calendars.ReadWrite"] == "granted"
    assert states(outside)["Calendars.ReadWrite"] == "missing"
    assert outside.stopped_at is None


def test_token_is_made_anew_by_each_check(lantern: Lantern) -> None:
    lantern.grant("Calendars.ReadWrite")
    connection = lantern.of_organisation()

    for _ in range(2):
        services.check(connection)

    assert lantern.asked("token") == 2


def test_mailbox_without_rights_fails_and_stops_nothing(lantern: Lantern) -> None:
    connection = lantern.of_account(try_email=OTHER_ROOM)

    stage = failed(services.check(connection))

    assert stage.name == "mailbox"
    assert not stage.stops
    assert "Add-MailboxFolderPermission" in stage.command
    assert states(connection) == {"Calendars.ReadWrite.Shared": "unknown"}


def test_mailbox_that_is_not_there_tells_nothing_of_the_permission(lantern: Lantern) -> None:
    lantern.grant("Calendars.ReadWrite")
    connection = lantern.of_organisation(try_email="nobody@lantern.example")

    assert failed(services.check(connection)).name == "mailbox"

    assert states(connection) == {"Calendars.ReadWrite": "unknown"}


def test_calendar_that_can_only_be_read_fails(lantern: Lantern) -> None:
    lantern.rights(OTHER_ROOM, "reviewer")

    stage = failed(services.check(lantern.of_account(try_email=OTHER_ROOM)))

    assert stage.name == "mailbox"
    assert "not written to" in stage.words


def test_without_a_mailbox_to_try_calendars_are_unknown(lantern: Lantern) -> None:
    lantern.grant("Calendars.ReadWrite")
    connection = lantern.of_organisation(try_email="")

    assert all(stage.ok for stage in services.check(connection))

    assert states(connection)["Calendars.ReadWrite"] == "unknown"


def test_revoked_grant_fails_at_the_token_and_stops(lantern: Lantern) -> None:
    connection = lantern.of_account()
    lantern.revoke()

    stage = failed(services.check(connection))

    assert (stage.name, stage.stops) == ("token", True)
    assert "revoked" in stage.words
    assert connection.stopped_at is not None
    assert "Grant again" in connection.fix


@pytest.mark.parametrize("access", ["account", "organisation"])
@pytest.mark.parametrize(
    ("secret", "words"),
    [("wrong", "does not accept the client secret"), ("expired", "has expired")],
)
def test_bad_secret_is_told_to_whoever_runs_the_product(
    lantern: Lantern, settings: Any, access: str, secret: str, words: str
) -> None:
    lantern.grant("Calendars.ReadWrite")
    connection = lantern.of_account() if access == "account" else lantern.of_organisation()
    if secret == "expired":
        lantern.expire_secret()
    else:
        settings.MICROSOFT_CLIENT_SECRET = lantern.secret_id()

    stage = failed(services.check(connection))

    assert stage.name == "token"
    assert words in stage.words
    assert "MICROSOFT_CLIENT_SECRET" in stage.fix


def test_missing_registration_is_told_first(lantern: Lantern, settings: Any) -> None:
    settings.MICROSOFT_CLIENT_ID = ""

    stage = failed(services.check(lantern.of_account()))

    assert stage.name == "registration"
    assert not stage.stops
    assert lantern.asked("token") == 0


def test_account_of_somebody_else_stops(lantern: Lantern) -> None:
    connection = lantern.of_account(account_id="somebody else")

    stage = failed(services.check(connection))

    assert (stage.name, stage.stops) == ("organisation", True)
    assert "another account" in stage.words


def test_busy_directory_leaves_a_permission_unknown(lantern: Lantern) -> None:
    lantern.grant("Calendars.ReadWrite", "Place.Read.All")
    lantern.fault("GET places/microsoft.graph.room", status=503)
    connection = lantern.of_organisation()

    assert all(stage.ok for stage in services.check(connection))

    assert states(connection)["Place.Read.All"] == "unknown"


def test_check_of_another_mailbox_stores_nothing(lantern: Lantern) -> None:
    connection = lantern.of_account()

    stages = list(checking.walk(connection, OTHER_ROOM))

    assert failed(stages).name == "mailbox"
    connection.refresh_from_db()
    assert connection.last_check == []
    assert connection.permissions == []


def test_commands_walk_and_list_over_graph(
    lantern: Lantern, capsys: pytest.CaptureFixture[str]
) -> None:
    lantern.grant("Calendars.ReadWrite", "Place.Read.All")
    lantern.of_organisation()

    call_command("check_exchange")
    call_command("list_mailboxes")

    shown = capsys.readouterr().out
    assert "organisation" in shown
    assert ROOM in shown
    assert OTHER_ROOM in shown
    assert SECRET not in shown
    assert CLIENT in shown


def test_microsoft_365_over_ews_is_checked_to_the_mailbox(lantern: Lantern) -> None:
    lantern.grant("full_access_as_app")
    lantern.allow_ews()
    connection = lantern.of_organisation(wire="ews")

    told = services.check(connection)

    assert all(stage.ok for stage in told), told[-1]
    assert [one.name for one in told[:2]] == ["registration", "token"]
    assert told[-1].name == "mailbox"
    assert states(connection) == {"full_access_as_app": "granted"}


def test_ews_that_is_switched_off_is_told_as_a_missing_permission(lantern: Lantern) -> None:
    lantern.grant("full_access_as_app")
    connection = lantern.of_organisation(wire="ews")

    stage = failed(services.check(connection))

    assert (stage.name, stage.stops) == ("sign-in", True)
    assert states(connection) == {"full_access_as_app": "missing"}


def test_ews_that_does_not_answer_leaves_its_permission_unknown(
    lantern: Lantern, settings: Any
) -> None:
    lantern.grant("full_access_as_app")
    settings.MICROSOFT_EWS_URL = "http://127.0.0.1:9/EWS/Exchange.asmx"
    connection = lantern.of_organisation(wire="ews")

    assert not failed(services.check(connection)).stops

    assert states(connection) == {"full_access_as_app": "unknown"}


def test_one_sign_in_is_good_for_both_wires(lantern: Lantern) -> None:
    lantern.allow_ews()
    over_graph = lantern.of_account()
    assert all(stage.ok for stage in services.check(over_graph))

    over_graph.wire = "ews"
    over_graph.save()

    told = services.check(over_graph)
    assert all(stage.ok for stage in told), told[-1]
    assert set(AccessToken.objects.values_list("audience", flat=True)) == {"graph", "ews"}


def test_token_of_one_api_opens_no_other(lantern: Lantern) -> None:
    connection = lantern.of_account()
    for_ews = identity.tokens_for(connection, "ews").get()
    lantern.put_in_place_of_graph_s(connection, for_ews)

    told = services.calendar_for(connection, ROOM).open()

    # Graph refused it once; then a token of its own was made.
    assert told.can_write
    assert lantern.asked("token") == 2


def test_uninstall_erases_every_token(lantern: Lantern) -> None:
    connection = lantern.of_account()
    services.check(connection)
    assert AccessToken.objects.exists()

    services.start_uninstall(connection, by=None)
    services.finish_uninstall(connection)

    connection.refresh_from_db()
    assert connection.state == "uninstalled"
    assert not connection.sealed_refresh_token
    assert not AccessToken.objects.exists()
