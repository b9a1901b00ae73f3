"""The snapshot: everything comes back, and a damaged file is put aside; the demo's calendars."""

from __future__ import annotations

import datetime as dt
import json
import logging
import stat
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from apps.sandbox import seed, snapshot
from apps.sandbox.diary import ALSTER, HARBOUR
from apps.sandbox.identity import callers
from apps.sandbox.store import PropertyName, Store
from tests.sandbox import desk, microsoft
from tests.sandbox.desk import ROOM, book, invite, weekly

TODAY = dt.date(2026, 11, 25)


@pytest.fixture
def full() -> Store:
    store = desk.make()
    seed.fill(store, TODAY)
    master = weekly(store)
    store.change(store.occurrence(master.id, 2).id, {"subject": "x", "categories": ("red",)})
    store.delete(store.occurrence(master.id, 3).id)
    book(
        store,
        extended={PropertyName("guid", "name"): "1", PropertyName("guid", "many"): ("a", "b")},
    )
    invite(store, ROOM)
    return store


def test_everything_comes_back_from_a_snapshot(full: Store, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    state = full.sync(full.mailbox(ROOM).calendar.id, None).state
    snapshot.save(full, path)
    again = Store()

    assert snapshot.load(path, again)

    assert again.organisations == full.organisations
    assert again.revision == full.revision
    assert again.sync(again.mailbox(ROOM).calendar.id, state).changes == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_there_is_nothing_to_load(tmp_path: Path) -> None:
    assert not snapshot.load(tmp_path / "none.json", Store())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 99}',
        '{"version": 1, "revision": 1, "organisations": [{"domain": 7}]}',
    ],
)
def test_a_damaged_snapshot_is_put_aside_with_a_word(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sandbox.json"
    path.write_text(text)
    store = Store()

    with caplog.at_level(logging.WARNING):
        assert not snapshot.load(path, store)

    assert (tmp_path / "sandbox.damaged-1.json").read_text() == text
    assert not path.exists()
    assert "was put aside as sandbox.damaged-1.json" in caplog.text
    assert seed.is_empty(store)


def test_a_second_damaged_snapshot_does_not_replace_the_first(tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "sandbox.json").write_text(text)
        snapshot.load(tmp_path / "sandbox.json", Store())

    assert (tmp_path / "sandbox.damaged-1.json").read_text() == "first"
    assert (tmp_path / "sandbox.damaged-2.json").read_text() == "second"


def test_the_keeper_writes_some_moments_after_a_change_and_at_the_end(tmp_path: Path) -> None:
    store, path = desk.make(), tmp_path / "var" / "sandbox.json"
    keeper = snapshot.Keeper(store, path, pause_s=0.02)
    keeper.start()
    book(store, subject="first")
    until = time.monotonic() + 5
    while "first" not in (path.read_text() if path.exists() else "") and time.monotonic() < until:
        time.sleep(0.02)
    assert "first" in path.read_text()
    book(store, subject="last")

    keeper.stop()

    assert "last" in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == ["sandbox.json"]


def test_the_path_follows_the_var_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPTIXSYNC_VAR_DIR", str(tmp_path))

    assert snapshot.default_path() == tmp_path / "sandbox.json"


def test_a_snapshot_is_plain_json(full: Store, tmp_path: Path) -> None:
    snapshot.save(full, tmp_path / "s.json")

    assert json.loads((tmp_path / "s.json").read_text())["version"] == 1


@pytest.mark.parametrize(
    "today", [TODAY, dt.date(2026, 3, 28), dt.date(2026, 10, 24), dt.date(2028, 2, 28)]
)
def test_the_demo_is_made_on_any_day_the_same_way(today: dt.date) -> None:
    made = Store(clock=lambda: desk.NOW, seed=7), Store(clock=lambda: desk.NOW, seed=7)

    for store in made:
        seed.fill(store, today)

    assert made[0].organisations == made[1].organisations
    assert all(not one.outbox for one in made[0].organisations.values())


def test_the_demo_has_every_sort_of_event() -> None:
    store = Store()
    seed.fill(store, TODAY)
    items = [one for mailbox in store.mailboxes(HARBOUR) for one in mailbox.calendar.items]

    assert {one.show_as for one in items} >= {
        "Free",
        "Tentative",
        "Busy",
        "OOF",
        "WorkingElsewhere",
    }
    assert {one.sensitivity for one in items} == {"Normal", "Private", "Personal", "Confidential"}
    assert any(one.all_day for one in items)
    assert any(one.is_cancelled for one in items)
    assert any(one.was_received and not one.is_cancelled for one in items)
    assert len({one.start_zone for one in items}) >= 4
    assert all(one.overrides and one.deleted for one in items if one.recurrence)


def test_the_demo_leaves_its_own_bookings_their_time_but_for_one_clash() -> None:
    from apps.console.demo import DIARY  # noqa: PLC0415 -- the product's, which the sandbox must not know

    store = Store()
    seed.fill(store, TODAY)
    zones = {one.domain: ZoneInfo(one.time_zone) for one in store.organisations.values()}
    rooms = {one.name: one for one in store.mailboxes() if one.kind != "user"}
    clashes = []
    for name, offset, start, end, title, _ in DIARY:
        if name not in rooms:  # the demo has a resource or two without a mailbox
            continue
        mailbox, day = rooms[name], TODAY + dt.timedelta(days=offset)
        first, last = (
            dt.datetime.combine(
                day, dt.time.fromisoformat(text), tzinfo=zones[mailbox.organisation]
            )
            for text in (start, end)
        )
        if store.blocking(mailbox, first, last):
            clashes.append((name, title))

    assert clashes == [("Bollard", "Stand-up")]


def test_the_demos_accounts_open_what_they_should() -> None:
    store = Store()
    seed.fill(store, TODAY)
    account = store.sign_in(r"ALSTER\svc-optixsync", seed.PASSWORDS[ALSTER])
    assert account is not None

    rights = {
        one.address.partition("@")[0]: store.right(account, one, impersonating=True)
        for one in store.mailboxes(ALSTER)
    }

    assert rights["vorstand"] == "none"
    assert {rights[name] for name in ("elbe", "bille", "desk-a", "empfang", "katrin.voss")} == {
        "editor"
    }
    assert store.mailbox("GROSSER-SAAL@alster.example").name == "Elbe"


def test_accounts_consents_and_keys_come_back_from_a_snapshot(tmp_path: Path) -> None:
    store, again, path = Store(seed=7), Store(), tmp_path / "sandbox.json"
    organisation = microsoft.organisation(store)
    microsoft.registration(store)
    organisation.rbac_scope = frozenset({microsoft.ROOM})
    store.consent(organisation, microsoft.CLIENT, ["User.Read"], account=microsoft.account(store))
    token = store.issue(organisation=microsoft.LANTERN, account=microsoft.DESK)
    snapshot.save(store, path)

    assert snapshot.load(path, again)

    assert again.organisations == store.organisations
    assert again.identity == store.identity
    assert callers.caller(again, f"Bearer {token}", "graph").account == microsoft.account(store)


def test_a_snapshot_of_a_version_without_accounts_loads(full: Store, tmp_path: Path) -> None:
    path, again = tmp_path / "sandbox.json", Store()
    snapshot.save(full, path)
    kept = json.loads(path.read_text())
    del kept["identity"]
    path.write_text(json.dumps(kept))

    assert snapshot.load(path, again)

    assert again.organisations == full.organisations
    assert again.registrations == {}
