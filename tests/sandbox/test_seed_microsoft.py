"""The demo's organisations at Microsoft 365: who is in them, and the application that the environment names."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.sandbox import seed, seed_microsoft
from apps.sandbox.diary import ALSTER, HARBOUR
from apps.sandbox.diary_microsoft import LANTERN, QUARRY
from apps.sandbox.pages import respond
from apps.sandbox.store import Store

TODAY = dt.date(2026, 11, 25)
NAMED = {
    "SANDBOX_CLIENT_ID": "AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    "SANDBOX_CLIENT_SECRET": "a-secret",
    "SANDBOX_REDIRECT_URI": "http://127.0.0.1:8001/a/, http://127.0.0.1:8001/b/",
    "SANDBOX_SECRET_EXPIRES_ON": "2027-05-31",
}
CLIENT = NAMED["SANDBOX_CLIENT_ID"].lower()


@pytest.fixture
def store() -> Store:
    made = Store(seed=7)
    seed.fill(made, TODAY)
    return made


@pytest.mark.parametrize("domain", [LANTERN, QUARRY])
def test_both_organisations_have_rooms_accounts_and_lively_calendars(
    store: Store, domain: str
) -> None:
    kinds = [one.kind for one in store.mailboxes(domain)]
    accounts = store.organisation(domain).microsoft_accounts.values()
    start = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)

    assert {"room", "equipment", "shared", "user"} <= set(kinds)
    assert [one.upn for one in accounts if one.is_admin] == [f"admin@{domain}"]
    assert [one.upn for one in accounts if one.needs_approval] == [f"trainee@{domain}"]
    assert {one.refusal for one in accounts} == {0, 53003, 50105, 50057, 50076}
    assert all(one.purpose for one in accounts)
    desk, visitor = (store.microsoft_account(f"{one}@{domain}") for one in ("frontdesk", "visitor"))
    rooms = [one for one in store.mailboxes(domain) if one.kind != "user"]
    assert set(desk.rights) == {one.address for one in rooms}
    assert visitor.rights == {}
    assert all(
        store.view(one.calendar.id, start, start + dt.timedelta(days=14)).items for one in rooms
    )
    assert store.organisation(domain).outbox == []


def test_the_environment_names_the_application(store: Store) -> None:
    found = seed_microsoft.register(store, NAMED)

    assert store.registrations == {CLIENT: found}
    (secret,) = found.secrets
    assert secret.value == "a-secret"
    assert secret.expires_at == dt.datetime(2027, 6, 1, tzinfo=dt.UTC)
    assert found.redirect_addresses == ("http://127.0.0.1:8001/a/", "http://127.0.0.1:8001/b/")


def test_without_a_word_an_application_is_made_and_kept(store: Store) -> None:
    made = seed_microsoft.register(store, {})

    assert made.secrets[0].value
    assert made.redirect_addresses == ()
    assert seed_microsoft.register(store, {}) is made


def test_another_port_and_secret_keep_the_application(store: Store) -> None:
    seed_microsoft.register(store, NAMED)
    seed_microsoft.register(store, {**NAMED, "SANDBOX_REDIRECT_URI": "http://127.0.0.1:8002/a/"})
    found = seed_microsoft.register(store, {**NAMED, "SANDBOX_CLIENT_SECRET": "another"})

    assert list(store.registrations) == [CLIENT]
    assert [one.value for one in found.secrets] == ["another"]
    assert found.redirect_addresses[0].startswith("http://127.0.0.1:8001/")


def test_lantern_house_has_let_the_application_in_and_quarry_yard_has_not(store: Store) -> None:
    found = seed_microsoft.register(store, NAMED)
    lantern, quarry = store.organisation(LANTERN), store.organisation(QUARRY)

    assert lantern.apps[CLIENT].roles == found.roles
    assert CLIENT in lantern.ews_allowed_apps
    assert not quarry.apps
    assert not quarry.ews_allowed_apps


def test_what_an_admin_took_back_stays_taken(store: Store) -> None:
    seed_microsoft.register(store, NAMED)
    store.remove_consent(store.organisation(LANTERN), CLIENT)

    seed_microsoft.register(store, NAMED)

    assert not store.organisation(LANTERN).apps[CLIENT].roles


def test_made_afresh_lantern_house_lets_the_application_in_again(store: Store) -> None:
    seed_microsoft.register(store, NAMED)

    seed.fill(store, TODAY)

    assert store.organisation(LANTERN).apps[CLIENT].roles


def test_a_snapshot_of_an_earlier_version_gains_what_it_lacks(store: Store) -> None:
    assert not seed_microsoft.is_older(store, (HARBOUR, ALSTER))
    for domain in (LANTERN, QUARRY):
        del store.organisations[domain]

    assert seed_microsoft.is_older(store, (HARBOUR, ALSTER))
    assert not seed_microsoft.is_older(Store(), (HARBOUR, ALSTER))


def test_the_start_page_says_who_signs_in_and_what_each_is_good_for(store: Store) -> None:
    def page() -> str:
        return respond("GET", "/", {}, {}, store).body.decode()

    assert page().count("No application was let in yet.") == 2
    seed_microsoft.register(store, {**NAMED, "SANDBOX_REDIRECT_URI": ""})
    assert "Set SANDBOX_REDIRECT_URI" in page()
    seed_microsoft.register(store, NAMED)

    shown = page()

    assert "Let in by an admin: OptixSync." in shown
    assert "Set SANDBOX_REDIRECT_URI" not in shown
    for what in (
        f"admin@{LANTERN}", f"trainee@{QUARRY}", seed_microsoft.PERSONAL, CLIENT, "a-secret",
        "http://127.0.0.1:8001/a/", store.organisation(QUARRY).tenant_id,
    ):  # fmt: skip
        assert f'data-copy="{what}"' in shown, what
    for words in ("Conditional Access blocks it", "2027-06-01", "Grants access for the whole"):
        assert words in shown
    assert f'href="/login/myapps?account=frontdesk@{LANTERN}"' in shown


def test_the_start_page_names_the_tenant_of_an_application_of_one(store: Store) -> None:
    found = seed_microsoft.register(store, NAMED)
    found.audience, found.home_tenant = "one", "the-tenant"

    assert "Accounts in the-tenant only" in respond("GET", "/", {}, {}, store).body.decode()
