"""Installing, checking, changing and uninstalling a connection."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.exchange import services, tasks
from apps.exchange.errors import Misconfigured
from apps.exchange.ews.session import close_connections, protocol_for
from apps.exchange.models import CHECK_LASTS_AT_MOST, ExchangeConnection
from apps.exchange.secrets import SecretUnreadable
from apps.exchange.services import InstallRefused
from apps.exchange.signals import connection_works
from apps.tenants.models import Tenant
from tests.exchange.world import NAMES, SECRET, Walk, details

State = ExchangeConnection.State


def test_what_was_typed_is_kept_and_waits_for_its_check(pending: ExchangeConnection) -> None:
    pending.refresh_from_db()

    assert pending.state == State.PENDING
    assert pending.is_checking
    assert pending.settings.password == SECRET
    assert pending.settings.username == "svc@example.com"
    assert not ExchangeConnection.objects.installed().exists()


def test_password_is_in_no_task_and_no_log(
    tenant: Tenant,
    walk: Walk,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
        connection = services.install(tenant=tenant, details=details(), by=None)
    (task,) = [one.task for one in OrmQ.objects.all()]
    tasks.check(*task["args"])

    assert task["args"] == (connection.pk, 0)
    assert SECRET not in repr(task)
    assert SECRET not in caplog.text
    assert SECRET not in repr(details())


def test_good_check_installs(pending: ExchangeConnection, walk: Walk) -> None:
    assert tasks.check(pending.pk, pending.revision) == "good"

    pending.refresh_from_db()
    assert pending.state == State.INSTALLED
    assert pending.is_check_good
    assert [stage["name"] for stage in pending.last_check] == list(NAMES)
    assert pending.sign_in == "ntlm"
    assert pending.server_version == "Exchange 2019"
    assert walk.mailboxes == ["room@example.com"]


def test_failed_check_installs_nothing_and_loses_nothing(
    pending: ExchangeConnection, walk: Walk
) -> None:
    walk.fails_at = "mailbox"

    assert tasks.check(pending.pk, pending.revision) == "failed: mailbox"

    pending.refresh_from_db()
    assert pending.state == State.PENDING
    assert not pending.is_checking
    assert pending.last_check[-1] == {
        "name": "mailbox", "ok": False, "words": "No mailbox.", "fix": "Mend it.",
        "command": "Get-It", "stops": False,
    }  # fmt: skip
    assert pending.settings.password == SECRET


def test_stages_are_stored_as_they_end(pending: ExchangeConnection, walk: Walk) -> None:
    seen: list[int] = []
    walk.during = lambda: seen.append(len(ExchangeConnection.objects.get(pk=pending.pk).last_check))

    services.check(pending)

    assert seen == [4]


def test_refused_sign_in_stops_the_connection_until_a_check_is_good(
    installed: ExchangeConnection, walk: Walk, django_capture_on_commit_callbacks: Any
) -> None:
    walk.fails_at = "sign-in"
    services.check(installed)
    stopped = ExchangeConnection.objects.get(pk=installed.pk)
    assert stopped.stopped_at is not None
    assert (stopped.cause, stopped.fix) == ("No sign-in.", "Mend it.")

    works: list[int] = []

    def note(connection_id: int, **_kwargs: Any) -> None:
        works.append(connection_id)

    connection_works.connect(note)
    walk.fails_at = ""
    with django_capture_on_commit_callbacks(execute=True):
        services.check(installed)

    assert installed.stopped_at is None
    assert (installed.error_kind, installed.cause, installed.fix) == ("", "", "")
    assert works == [installed.pk]


@pytest.mark.parametrize("stage", ["name", "network", "encryption", "version", "mailbox"])
def test_other_failures_stop_nothing(installed: ExchangeConnection, walk: Walk, stage: str) -> None:
    walk.fails_at = stage

    services.check(installed)

    assert installed.stopped_at is None
    assert not installed.is_check_good
    assert installed.state == State.INSTALLED


def test_two_checks_at_once_are_one(pending: ExchangeConnection) -> None:
    assert not services.start_check(pending)

    ExchangeConnection.objects.update(
        check_started_at=timezone.now() - CHECK_LASTS_AT_MOST - dt.timedelta(seconds=1)
    )
    pending.refresh_from_db()
    assert pending.is_check_lost
    assert services.start_check(pending)


def test_fault_of_ours_ends_the_check_in_words(
    pending: ExchangeConnection, walk: Walk, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    walk.during = fail

    assert tasks.check(pending.pk, pending.revision) == "broke off"

    pending.refresh_from_db()
    assert not pending.is_checking
    assert pending.last_check[-1]["name"] == "unexpected"
    assert SECRET not in caplog.text


# --- Change ------------------------------------------------------------------------------------------


def test_change_stops_calendars_until_its_check_is_good(
    installed: ExchangeConnection, walk: Walk
) -> None:
    services.change(connection=installed, details=details(password="New-1"), by=None)

    changed = ExchangeConnection.objects.get(pk=installed.pk)
    assert changed.stopped_at is not None
    assert changed.settings.password == "New-1"
    tasks.check(changed.pk, changed.revision)
    installed.refresh_from_db()
    assert installed.stopped_at is None
    assert walk.passwords == [SECRET, "New-1"]


def test_empty_password_leaves_the_stored_one(installed: ExchangeConnection) -> None:
    services.change(connection=installed, details=details(password="", access="delegate"), by=None)

    installed.refresh_from_db()
    assert installed.settings.password == SECRET
    assert installed.shares_back_off


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"server": "mail.evil.example"},
        {"server": ""},
        {"email": "svc@evil.example"},
        {"username": "EVIL\\svc"},
    ],
    ids=lambda one: next(iter(one)) + "=" + next(iter(one.values())),
)
def test_stored_password_goes_nowhere_else(
    installed: ExchangeConnection, elsewhere: dict[str, str]
) -> None:
    with pytest.raises(InstallRefused) as refused:
        services.change(connection=installed, details=details(password="", **elsewhere), by=None)

    assert refused.value.about == "password"
    installed.refresh_from_db()
    assert installed.server == "mail.example.com"
    assert installed.stopped_at is None


def test_stored_password_is_asked_for_no_other_domain(tenant: Tenant, walk: Walk) -> None:
    found = services.install(tenant=tenant, details=details(server=""), by=None)

    services.change(
        connection=found,
        details=details(server="", password="", try_email="dock@example.com"),
        by=None,
    )
    with pytest.raises(InstallRefused):
        services.change(
            connection=found,
            details=details(server="", password="", try_email="room@evil.example"),
            by=None,
        )


def test_check_of_an_earlier_version_tells_nothing_about_this_one(
    installed: ExchangeConnection, walk: Walk
) -> None:
    walk.during = lambda: services.change(
        connection=installed, details=details(password="Later"), by=None
    )
    earlier = ExchangeConnection.objects.get(pk=installed.pk)

    services.check(earlier)

    installed.refresh_from_db()
    assert installed.stopped_at is not None
    assert installed.last_check == []
    assert tasks.check(installed.pk, earlier.revision - 1).startswith("skipped")


def test_sessions_of_earlier_settings_are_not_used_after_a_change(
    installed: ExchangeConnection,
) -> None:
    installed.server_url = "https://mail.example.com/EWS/Exchange.asmx"
    before = protocol_for(installed.settings)
    assert protocol_for(installed.settings) is before
    installed.server_url = "https://other.example.com/EWS/Exchange.asmx"

    after = protocol_for(installed.settings)

    assert after is not before
    close_connections()


# --- Names -------------------------------------------------------------------------------------------


def test_several_connections_get_names_of_their_own(tenant: Tenant, other_tenant: Tenant) -> None:
    names = [
        services.install(tenant=one, details=details(), by=None).name
        for one in (tenant, tenant, other_tenant, tenant)
    ]

    assert names == ["Exchange Server", "Exchange Server 2", "Exchange Server", "Exchange Server 3"]


def test_name_that_is_taken_is_refused(pending: ExchangeConnection, tenant: Tenant) -> None:
    with pytest.raises(InstallRefused) as refused:
        services.install(tenant=tenant, details=details(name="exchange server"), by=None)

    assert refused.value.about == "name"


def test_own_name_may_stay(pending: ExchangeConnection) -> None:
    services.change(connection=pending, details=details(name="Exchange Server"), by=None)

    pending.refresh_from_db()
    assert pending.name == "Exchange Server"


def test_without_a_key_nothing_is_stored(tenant: Tenant, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []

    with pytest.raises(InstallRefused, match="FIELD_ENCRYPTION_KEYS"):
        services.install(tenant=tenant, details=details(), by=None)

    assert not ExchangeConnection.objects.exists()


def test_without_a_password_nothing_is_stored(tenant: Tenant) -> None:
    with pytest.raises(InstallRefused) as refused:
        services.install(tenant=tenant, details=details(password=""), by=None)

    assert refused.value.about == "password"


# --- The end -----------------------------------------------------------------------------------------


def test_uninstalled_connection_keeps_no_password_and_no_name(
    installed: ExchangeConnection, tenant: Tenant
) -> None:
    services.start_uninstall(installed, by=None)
    assert not ExchangeConnection.objects.installed().exists()

    services.finish_uninstall(installed)

    installed.refresh_from_db()
    assert installed.state == State.UNINSTALLED
    assert installed.uninstalled_at is not None
    assert not installed.has_password
    assert not ExchangeConnection.objects.present().exists()
    assert services.install(tenant=tenant, details=details(), by=None).name == "Exchange Server"
    assert not services.start_check(installed)
    with pytest.raises(InstallRefused):
        services.change(connection=installed, details=details(), by=None)


def test_end_comes_only_to_what_is_being_uninstalled(installed: ExchangeConnection) -> None:
    services.finish_uninstall(installed)

    installed.refresh_from_db()
    assert installed.state == State.INSTALLED


def test_discarding_forgets_what_was_typed(
    pending: ExchangeConnection, installed: ExchangeConnection, tenant: Tenant
) -> None:
    services.discard(installed, by=None)
    assert ExchangeConnection.objects.count() == 1

    second = services.install(tenant=tenant, details=details(), by=None)
    services.discard(second, by=None)

    assert list(ExchangeConnection.objects.all()) == [installed]


# --- The port ----------------------------------------------------------------------------------------


def test_port_needs_an_installed_connection_with_a_good_check(
    pending: ExchangeConnection,
) -> None:
    with pytest.raises(Misconfigured, match="not installed"):
        services.calendar_for(pending, "room@example.com")

    bare = ExchangeConnection.objects.create(tenant=pending.tenant, wire="ews", name="Bare")
    with pytest.raises(Misconfigured, match="not passed its check"):
        services.calendar_for(bare, "room@example.com")


def test_password_that_cannot_be_read_stops_this_connection_alone(
    installed: ExchangeConnection, walk: Walk
) -> None:
    ExchangeConnection.objects.filter(pk=installed.pk).update(sealed_password="torn")
    installed.refresh_from_db()

    with pytest.raises(SecretUnreadable):
        services.calendar_for(installed, "room@example.com")
