"""The calendars that a cluster shares: errors come through whole, and scripts are played."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.exchange import errors
from apps.exchange.calendar import Calendar, Content, Window
from apps.exchange.models import ExchangeConnection
from tests.sync.calendar_server import CALLER, Dropped, calendar_for, running

EMAIL = "room@example.com"
START = dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = Window(START, START + 24 * HOUR)
CONTENT = Content("Stand-up", START, START + HOUR, False, "UTC")


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), secrets.token_hex(16)) as env,
    ):
        for name, value in env.items():
            patch.setenv(name, value)
        CALLER.close()
        yield
        CALLER.close()


@pytest.fixture
def port(server: None) -> Calendar:
    CALLER.add(EMAIL)
    return calendar_for(ExchangeConnection(), EMAIL)


def test_write_is_seen_by_all_and_each_step_is_counted(port: Calendar) -> None:
    ref = port.create(CONTENT, stamp="s", attempt_id="a")

    other = calendar_for(ExchangeConnection(), EMAIL)
    (event,) = other.view(DAY).events

    assert (event.ref, event.stamp) == (ref, "s")
    assert CALLER.requests(EMAIL) == ["create", "view"]


def test_errors_come_through_with_all_that_they_carry(port: Calendar) -> None:
    error = errors.Throttled("Busy.", retry_after=HOUR, fix="Wait.", command="Get-Mailbox")
    CALLER.fail_once(EMAIL, "open", "before", error)

    with pytest.raises(errors.Throttled) as caught:
        port.open()

    told = caught.value
    assert (told.cause, told.retry_after, told.fix, told.command) == (
        "Busy.", HOUR, "Wait.", "Get-Mailbox",
    )  # fmt: skip
    assert port.open().can_write


def test_mailbox_raises_the_errors_of_the_port(port: Calendar) -> None:
    with pytest.raises(errors.NotFound):
        port.read("none", DAY)


@pytest.mark.parametrize(("drop", "events"), [(True, 0), (False, 1)])
def test_stopped_call_names_its_caller_and_goes_on_or_never(
    port: Calendar, drop: bool, events: int
) -> None:
    CALLER.stop_at(EMAIL, "create", "before")
    caught: list[BaseException] = []

    def write() -> None:
        CALLER.close()
        try:
            calendar_for(ExchangeConnection(), EMAIL).create(CONTENT, stamp="", attempt_id="a")
        except Dropped as exc:
            caught.append(exc)

    thread = threading.Thread(target=write)
    thread.start()
    watcher = type(CALLER)()

    assert watcher.stopped_caller(EMAIL, 5) == os.getpid()
    assert watcher.outlook(EMAIL, "blocking") == []
    watcher.let_go(EMAIL, drop=drop)
    thread.join(timeout=5)
    assert len(watcher.outlook(EMAIL, "blocking")) == events
    assert len(caught) == drop
    watcher.close()
