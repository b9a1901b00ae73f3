"""What goes wrong on the way through Microsoft: each refusal with its fix, and everything that is not begun here."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.exchange.graph import session
from apps.exchange.microsoft.token_call import LARGEST_ANSWER
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.exchange.secrets import unseal
from apps.sandbox.server import SandboxServer, serve
from apps.tenants.models import Role, Tenant, User
from tests.console import microsoft
from tests.console.microsoft import (
    ADMIN,
    CALLBACK,
    CONSENT_CALLBACK,
    DESK,
    INSTALL,
    LANTERN_ID,
    POLICY,
    QUARRY_ID,
    SOMEONE,
    TRAINEE,
    VISITOR,
    Person,
    the_attempt,
)
from tests.exchange import http

AdminOf = Callable[..., User]


@pytest.fixture
def sandbox(settings: Any) -> Iterator[SandboxServer]:
    with serve(microsoft.microsoft()) as running:
        microsoft.lead_to(running, settings)
        yield running
        session.close_connections()


@pytest.fixture
def owner(user_with: AdminOf, tenant: Tenant) -> User:
    return user_with(Role.OWNER, tenant)


@pytest.fixture
def me(sandbox: SandboxServer, owner: User, client_of: Callable[[User], Client]) -> Person:
    return Person(client_of(owner))


def is_untouched() -> bool:
    return not ExchangeConnection.objects.exists()


def is_unusable(answer: Any) -> bool:
    return answer.status_code == 403 and "This sign-in cannot be used" in answer.content.decode()


# --- What Microsoft refuses -------------------------------------------------------------------------


def test_cancelled_consent_says_so_and_starts_again(me: Person) -> None:
    me.install("account").choose(DESK).press(answer="cancel")

    assert "It was cancelled at Microsoft" in me.words
    assert "AADSTS" not in me.words
    assert is_untouched()
    me.post(reverse("admin:microsoft_again", args=[the_attempt().uuid]))
    assert "Pick an account" in me.asked
    me.choose(DESK).accept()
    assert ExchangeConnection.objects.get().email == DESK


def test_consent_that_needs_an_administrator_gives_a_link_to_send(
    me: Person, sandbox: SandboxServer
) -> None:
    me.install("account").choose(TRAINEE).press(answer="back")
    assert "only an administrator may agree" in me.words
    link = re.search(r"<code>(http[^<]+adminconsent[^<]+)</code>", me.words)
    assert link is not None

    # An administrator, who has no account here.
    other = Person(Client()).open(link.group(1)).choose(ADMIN).accept()

    assert "Thank you" in other.words
    assert "Lantern House" not in other.words
    assert is_untouched()
    me.post(reverse("admin:microsoft_again", args=[the_attempt().uuid])).choose(TRAINEE)
    assert ExchangeConnection.objects.get().email == TRAINEE


def test_refused_owner_is_told_of_the_button_that_is_there(me: Person) -> None:
    me.install().choose(TRAINEE).press(answer="back")

    assert "press “Start again”" in me.words
    assert "It is allowed now" not in me.words


def test_owner_who_is_no_administrator_goes_on_when_one_has_followed_the_link(me: Person) -> None:
    me.install().choose(DESK).accept()
    link = re.search(r"<code>(http[^<]+adminconsent[^<]+)</code>", me.words)
    assert link is not None
    granted = reverse("admin:microsoft_granted", args=[the_attempt().uuid])
    me.post(granted)
    assert "does not allow it yet" in me.words
    assert is_untouched()

    Person(Client()).open(link.group(1)).choose(ADMIN).accept()
    me.post(granted)

    assert ExchangeConnection.objects.get().organisation_id == LANTERN_ID


def test_administrators_no_can_be_asked_again(me: Person) -> None:
    me.install().choose(ADMIN).accept()
    asks = reverse("admin:microsoft_consent", args=[the_attempt().uuid])
    me.post(asks).press(answer="cancel")
    assert "It was cancelled at Microsoft" in me.words
    assert is_untouched()

    me.post(asks).accept()

    assert ExchangeConnection.objects.get().organisation_id == LANTERN_ID


def test_conditional_access_is_explained(me: Person) -> None:
    me.install("account").choose(POLICY).go_back()

    assert "Conditional Access policy" in me.words
    assert "AADSTS53003" in me.words
    assert is_untouched()


def test_personal_account_is_explained(me: Person) -> None:
    me.install("account").choose(SOMEONE).go_back()

    assert "personal Microsoft account" in me.words
    assert is_untouched()


def test_wrong_secret_is_told_in_detail_to_superusers_alone(
    me: Person, owner: User, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET = "pasted-the-id"

    me.install("account").choose(DESK).accept()

    assert "Tell whoever runs OptixSync, with the code AADSTS7000215" in me.words
    assert "MICROSOFT_CLIENT_SECRET" not in me.words
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    me.get(reverse("admin:microsoft_attempt", args=[the_attempt().uuid]))
    assert "ID was pasted in place of its Value" in me.words


@pytest.mark.parametrize(
    ("error", "number", "words"),
    [
        ("invalid_request", 50194, "registered for one organisation alone"),
        ("invalid_client", 7000222, "has expired"),
        ("access_denied", 50105, "only chosen people"),
        ("invalid_grant", 54005, "used already"),
        ("server_error", 0, "Microsoft’s sign-in is busy"),
        ("something_new", 1234567, "AADSTS1234567"),
    ],
)
def test_each_refusal_has_its_words(
    me: Person, owner: User, error: str, number: int, words: str
) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    state = me.install("account").question["state"]
    told = f"AADSTS{number}: Their words about frontdesk@lantern.example." if number else ""

    me.get(f"{CALLBACK}?state={state}&error={error}&error_description={told}")

    assert words in me.words
    assert "Their words" not in me.words
    assert is_untouched()


def test_microsofts_own_words_reach_the_log_without_names(
    me: Person, caplog: pytest.LogCaptureFixture
) -> None:
    state = me.install("account").question["state"]
    caplog.set_level(logging.INFO)

    me.get(f"{CALLBACK}?state={state}&error=x&error_description=AADSTS50034: {DESK} code=abc")

    assert "AADSTS50034" in caplog.text
    assert DESK not in caplog.text
    assert "code=abc" not in caplog.text


def test_strangers_write_no_line_of_the_log(
    sandbox: SandboxServer, db: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The way back is open to everybody."""
    for address in (CALLBACK, CONSENT_CALLBACK):
        answer = Client().get(f"{address}?state=x&error=theirs&error_description=Their%20words")

        assert is_unusable(answer)
    assert "heirs" not in "".join(
        one.getMessage() for one in caplog.records if one.name != "django.request"
    )


def test_microsoft_that_does_not_answer_is_told_and_nothing_is_kept(
    me: Person, settings: Any
) -> None:
    me.install("account").choose(DESK)
    settings.MICROSOFT_LOGIN_URL = "http://127.0.0.1:9"

    me.accept()

    assert "is busy or has a trouble of its own" in me.words
    assert is_untouched()
    assert the_attempt().step == "ended"


@pytest.mark.parametrize(
    ("access", "operation", "status"),
    [
        ("account", "GET organization", 503),
        ("account", "GET organization", 429),
        ("organisation", "token", 503),
        ("organisation", "GET calendar", 503),
    ],
)
def test_bad_minute_of_microsofts_is_told_with_what_a_person_can_do(
    me: Person, sandbox: SandboxServer, access: str, operation: str, status: int
) -> None:
    """No worker goes on with a sign-in."""
    me.install(access).choose(ADMIN)
    fault = {"kind": "http", "operation": operation, "count": None, "status": status}
    if access == "account":
        sandbox.faults.arrange(fault)
        me.accept()
    else:
        me.accept()
        sandbox.faults.arrange(fault)
        me.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]))

    assert "It does not work yet" in me.words
    assert "Try again in a minute. Nothing was changed." in me.words
    assert "by itself" not in me.words
    assert is_untouched()


# --- What was not begun here ------------------------------------------------------------------------


def test_answer_counts_once(me: Person) -> None:
    me.install("account").choose(DESK).accept()
    before = ExchangeConnection.objects.get()

    assert is_unusable(me.client.get(me.came_back_to))

    after = ExchangeConnection.objects.get()
    assert (after.revision, after.sealed_refresh_token) == (
        before.revision,
        before.sealed_refresh_token,
    )


@pytest.mark.parametrize("stranger", ["nobody", "another person", "another browser"])
def test_answer_counts_in_the_browser_of_who_began(
    me: Person,
    owner: User,
    tenant: Tenant,
    user_with: AdminOf,
    client_of: Callable[[User], Client],
    stranger: str,
) -> None:
    me.install("account").choose(DESK)
    people = {"another person": user_with(Role.OWNER, tenant), "another browser": owner}
    other = Person(client_of(people[stranger]) if stranger in people else Client())
    other.microsoft, other.address, other.asked = me.microsoft, me.address, me.asked

    other.accept()

    assert is_unusable(other.shown)
    assert is_untouched()


def test_state_that_was_carried_over_belongs_to_its_session_all_the_same(
    me: Person, sandbox: SandboxServer, owner: User, client_of: Callable[[User], Client]
) -> None:
    """Even allauth's own note of it, copied into another session of the same person, is no use."""
    me.install("account").choose(DESK)
    client = client_of(owner)
    copied = client.session
    copied["socialaccount_states"] = me.client.session["socialaccount_states"]
    copied.save()
    other = Person(client)
    other.microsoft, other.address, other.asked = me.microsoft, me.address, me.asked

    other.accept()

    assert is_unusable(other.shown)
    assert is_untouched()
    # The code is worth a token, and stays what it is.
    assert sandbox.requests.lines("token") == []


def test_answer_in_another_tenant_is_refused(me: Person, owner: User, other_tenant: Tenant) -> None:
    other_tenant.memberships.create(user=owner, role=Role.OWNER)
    me.install("account").choose(DESK)
    me.client.post(reverse("admin:switch_tenant"), {"tenant": other_tenant.slug})

    me.accept()

    assert is_unusable(me.shown)
    assert is_untouched()
    page = reverse("admin:microsoft_attempt", args=[the_attempt().uuid])
    assert me.client.get(page).status_code == 404


def test_whoever_is_no_owner_any_more_installs_nothing(me: Person, owner: User) -> None:
    me.install("account").choose(DESK)
    owner.memberships.update(role=Role.MANAGER)

    me.accept()

    assert is_unusable(me.shown)
    assert is_untouched()


def test_sign_in_that_took_too_long_is_over(me: Person) -> None:
    me.install("account").choose(DESK)
    SignInAttempt.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))

    me.accept()

    assert is_unusable(me.shown)
    page = reverse("admin:microsoft_attempt", args=[the_attempt().uuid])
    assert "took too long" in me.get(page).words
    assert is_untouched()


def test_allauth_signs_nobody_in_with_microsoft(sandbox: SandboxServer, db: None) -> None:
    client = Client()

    for address in (
        "/accounts/microsoft/login/",
        "/accounts/3rdparty/",
        "/accounts/social/signup/",
    ):
        assert client.get(address).status_code == 404
        assert client.post(f"{address}?process=login", {}).status_code == 404
    assert is_unusable(client.get(CALLBACK))
    assert is_unusable(client.get(f"{CALLBACK}?code=x&state=y"))
    assert is_unusable(client.get(f"{CALLBACK}?error=access_denied&state=y"))
    assert "Microsoft" not in client.get(reverse("account_login")).content.decode()


def test_flow_of_allauths_own_leads_nowhere(me: Person, owner: User) -> None:
    """A state without an attempt of ours, as allauth's own login view would make."""
    me.install("account").choose(DESK)
    kept = me.client.session
    states = kept["socialaccount_states"]
    for state, _time, _provider in states.values():
        del state["install"]
        state["process"] = "login"
    kept["socialaccount_states"] = states
    kept.save()

    me.accept()

    assert is_unusable(me.shown)
    assert User.objects.count() == 1
    assert is_untouched()


@pytest.mark.parametrize("refused_at", ["sign-in", "token"])
@pytest.mark.parametrize(
    ("number", "words", "fix"),
    [
        (50034, "has no such account", "address is spelt right"),
        (50055, "locked or disabled", "office.com first"),
        (50057, "locked or disabled", "office.com first"),
        (50076, "a second factor", "sign in"),
        (50105, "only chosen people", "Users and groups"),
        (50173, "was revoked", "sign in"),
        (53003, "Conditional Access", "exclude OptixSync"),
        (65001, "Nobody has agreed", "an administrator agree"),
        (70043, "sign in again from time to time", "Organisation-wide"),
        (500014, "no Exchange Online", "licences"),
        (7000112, "switched off in this organisation", "Enterprise applications"),
    ],
)
def test_account_that_microsoft_refuses_is_told_why_and_what_to_do(
    me: Person, sandbox: SandboxServer, refused_at: Any, number: int, words: str, fix: str
) -> None:
    me.install("account")
    sandbox.store.microsoft_account(DESK).refusal = number
    sandbox.store.microsoft_account(DESK).refused_at = refused_at

    me.choose(DESK)
    if refused_at == "token":
        me.accept()
    elif not me.came_back_to:
        me.go_back()

    assert words in me.words
    assert fix in me.words
    assert f"AADSTS{number}" in me.words
    assert is_untouched()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"secret": "its ID"}, "ID was pasted in place of its Value"),
        ({"expires": True}, "has expired"),
        ({"audience": "one"}, "registered for one organisation alone"),
        ({"redirect_addresses": ()}, "not in the registration"),
    ],
    ids=["ID of the secret", "expired secret", "one organisation", "redirect address"],
)
def test_registration_that_cannot_work_is_told_to_superusers(
    me: Person,
    owner: User,
    sandbox: SandboxServer,
    settings: Any,
    change: dict[str, Any],
    words: str,
) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    registration = sandbox.store.registrations[microsoft.CLIENT_ID]
    if "secret" in change:
        settings.MICROSOFT_CLIENT_SECRET = registration.secrets[0].id
    elif "expires" in change:
        registration.secrets = (
            replace(registration.secrets[0], expires_at=timezone.now() - dt.timedelta(days=1)),
        )
    else:
        for name, value in change.items():
            setattr(registration, name, value)

    me.install("account")
    if "secret" in change or "expires" in change:
        me.choose(DESK).accept()
        assert words in me.words
    else:
        # Microsoft itself says so, on a page that leads nowhere: nothing comes back.
        assert not me.came_back_to
    assert is_untouched()


def test_error_that_is_no_name_is_shown_to_nobody(me: Person) -> None:
    """Whatever stands there may be text, with letters that no column holds."""
    for error in ("Call%200900%20123", "%00", "a" * 65, "%F0%9F%92%A5"):
        state = me.install("account").question["state"]

        me.get(f"{CALLBACK}?state={state}&error={error}")

        assert "Microsoft did not let it through" in me.words
        assert "Call 0900" not in me.words
        assert the_attempt().refusal["error"] == "unknown"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, 200),
        ([], 200),
        ({"access_token": {}}, 200),
        ({"access_token": ""}, 200),
        ({"access_token": None}, 200),
        ("<html>proxy</html>", 200),
        ("", 204),
        ({"access_token": "x"}, 302),
    ],
    ids=str,
)
def test_token_call_that_somebody_else_answers_is_told_and_nothing_is_kept(
    me: Person, settings: Any, told: Any, status: int
) -> None:
    me.install("account").choose(DESK)
    body = told if isinstance(told, str) else json.dumps(told)
    with http.serving() as proxy:
        proxy.answer = lambda _asked: http.Answer(
            body, status, {"Location": f"{proxy.url}/elsewhere"}
        )
        settings.MICROSOFT_LOGIN_URL = proxy.url
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [
            *settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO, f"127.0.0.1:{proxy.port}"
        ]  # fmt: skip
        me.accept()
        assert len(proxy.asked) == 1

    assert me.shown.status_code == 200
    assert "Microsoft’s sign-in is busy" in me.words
    assert is_untouched()


DEEP, ENDLESS = "[" * 100_000, json.dumps({"access_token": "x", "more": "y" * LARGEST_ANSWER})


@pytest.mark.parametrize(
    ("body", "status"),
    [(DEEP, 200), (DEEP, 400), (ENDLESS, 200)],
    ids=["deep", "deep refusal", "endless"],
)
def test_token_call_that_is_answered_too_deep_or_without_end_is_told(
    me: Person, settings: Any, body: str, status: int
) -> None:
    me.install("account").choose(DESK)
    with http.serving() as proxy:
        proxy.answer = lambda _asked: http.Answer(
            body, status, {"Content-Type": "application/json"}
        )
        settings.MICROSOFT_LOGIN_URL = proxy.url
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
        me.accept()
        # Nobody is asked with a token out of such an answer.
        assert len(proxy.asked) == 1

    assert me.shown.status_code == 200
    assert "Microsoft’s sign-in is busy" in me.words
    assert is_untouched()


@pytest.mark.parametrize(
    "told",
    [
        {"id": 7, "error": "x"}, [], {"error": "x"}, "x", {"id": "a\0b"}, {"id": None}, {"id": ""},
        {"id": "a" * 500},
    ],
    ids=lambda told: repr(told)[:25],
)  # fmt: skip
def test_profile_that_somebody_else_answers_is_told_and_nothing_is_kept(
    me: Person, settings: Any, told: Any
) -> None:
    me.install("account").choose(DESK)
    with http.serving() as proxy:
        proxy.answer = lambda _asked: http.Answer(json.dumps(told))
        settings.MICROSOFT_GRAPH_URL = proxy.url
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [
            *settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO, f"127.0.0.1:{proxy.port}"
        ]  # fmt: skip
        me.accept()

    assert me.shown.status_code == 200
    assert the_attempt().refusal
    assert is_untouched()


def test_letters_that_no_column_holds_are_left_out_of_names(
    me: Person, sandbox: SandboxServer
) -> None:
    """Half of a pair is what is left where somebody's program cut a name in two."""
    sandbox.store.microsoft_account(DESK).name = "Front\0 Desk\n"
    sandbox.store.organisation(microsoft.LANTERN).name = "Lantern\0 House"

    me.install("account").choose(DESK).accept()

    assert me.shown.status_code == 200
    connection = ExchangeConnection.objects.get()
    assert (connection.account_name, connection.organisation_name) == (
        "Front Desk",
        "Lantern House",
    )


@pytest.mark.parametrize("expires_in", [None, 0, -5, "soon", 1e300, "3600", True, []], ids=repr)
def test_grant_is_kept_however_long_its_first_token_lasts(
    me: Person, sandbox: SandboxServer, settings: Any, expires_in: Any
) -> None:
    """The token is used up in a moment; what it came with lasts for months."""
    token = sandbox.store.issue(
        resource="graph", organisation=microsoft.LANTERN, account=DESK,
        scopes={"User.Read", "Calendars.ReadWrite.Shared"},
    )  # fmt: skip
    me.install("account").choose(DESK)
    with http.serving() as microsofts:
        microsofts.answer = lambda _asked: http.Answer(
            json.dumps({"access_token": token, "refresh_token": "r", "expires_in": expires_in}),
            headers={"Content-Type": "application/json"},
        )
        settings.MICROSOFT_LOGIN_URL = microsofts.url
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [
            *settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO, f"127.0.0.1:{microsofts.port}"
        ]  # fmt: skip
        me.accept()

    connection = ExchangeConnection.objects.get()
    assert unseal(connection.sealed_refresh_token) == "r"
    last = timezone.now() + dt.timedelta(hours=24, seconds=1)
    assert timezone.now() < connection.access_tokens.get().expires_at < last


@pytest.mark.parametrize("setting", ["EXCHANGE_ALLOW_PLAIN_HTTP_TO", "EXCHANGE_ALLOWED_NETWORKS"])
def test_code_and_secret_leave_by_the_same_policy_as_all_else(
    me: Person, sandbox: SandboxServer, settings: Any, setting: str
) -> None:
    me.install("account").choose(DESK)
    setattr(settings, setting, [])

    me.accept()

    assert "Microsoft’s sign-in is busy" in me.words
    assert sandbox.requests.lines("token") == []
    assert is_untouched()


@pytest.mark.parametrize(
    "typed", ["x" * 300, f"{'x' * 60}@{'.'.join(['y' * 60] * 4)}", "a@\0b.example", "<b>"]
)
def test_mailbox_to_try_that_is_none_leaves_the_one_that_was(me: Person, typed: str) -> None:
    me.install("account")

    me.post(reverse("admin:microsoft_again", args=[the_attempt().uuid]), try_email=typed)

    assert me.shown.status_code == 200
    assert the_attempt().try_email == microsoft.ROOM
    assert SignInAttempt.objects.count() == 2
    assert me.post(INSTALL, access="account", try_email=typed).shown.status_code == 200
    assert SignInAttempt.objects.count() == 2


# --- Consent ----------------------------------------------------------------------------------------


@pytest.fixture
def asked(me: Person) -> Person:
    """An administrator stands before Microsoft's question."""
    me.install().choose(ADMIN).accept()
    return me.post(reverse("admin:microsoft_consent", args=[the_attempt().uuid]))


def answer(state: str, tenant: str = LANTERN_ID) -> str:
    return f"{CONSENT_CALLBACK}?admin_consent=True&tenant={tenant}&state={state}"


def test_yes_that_was_never_said_is_found_out(asked: Person) -> None:
    asked.get(answer(asked.question["state"]))

    assert "does not allow it yet" in asked.words
    assert is_untouched()


def test_yes_of_another_organisation_counts_for_nothing(asked: Person) -> None:
    asked.get(answer(asked.question["state"], QUARRY_ID))

    assert "given for another organisation" in asked.words
    assert is_untouched()


def test_answer_to_the_question_counts_once(asked: Person) -> None:
    asked.get(answer(asked.question["state"], QUARRY_ID))

    assert is_unusable(asked.client.get(answer(asked.question["state"])))
    for state in ("", "forged", "%00", "x" * 65):
        assert is_unusable(asked.client.get(answer(state)))


def test_answer_to_the_question_counts_in_the_browser_that_asked(
    asked: Person, owner: User, client_of: Callable[[User], Client]
) -> None:
    asked.press(answer="accept")
    ExchangeConnection.objects.all().delete()
    SignInAttempt.objects.update(step="consent", used_at=None, consent_state="open")

    for client in (Client(), client_of(owner)):
        assert is_unusable(client.get(answer("open")))
    assert is_untouched()


def test_link_for_administrators_changes_nothing_whatever_it_says(asked: Person) -> None:
    for query in (f"tenant={QUARRY_ID}&admin_consent=True", "error=access_denied"):
        told = asked.client.get(f"{CONSENT_CALLBACK}?state=link&{query}")
        assert told.status_code == 200
    assert is_untouched()


# --- Where it cannot begin --------------------------------------------------------------------------


def test_without_a_registration_owners_are_told_and_superusers_see_the_steps(
    me: Person, owner: User, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_ID = settings.MICROSOFT_CLIENT_SECRET = ""

    words = me.get(INSTALL).words
    assert "is not registered with Microsoft" in words
    assert "Tell whoever runs OptixSync" in words
    assert "MICROSOFT_CLIENT_ID" not in words
    assert "not registered with Microsoft" in me.install().words
    for address in (CALLBACK, CONSENT_CALLBACK):
        assert me.client.get(address).status_code == 404

    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    words = me.get(INSTALL).words
    for told in ("MICROSOFT_CLIENT_ID", f"http://testserver{CALLBACK}", "its Value"):
        assert told in words


def test_address_that_is_not_registered_leads_to_the_one_that_is(me: Person, settings: Any) -> None:
    settings.PUBLIC_URL = "https://rooms.example.com"

    words = me.get(INSTALL).words

    assert f'href="https://rooms.example.com{INSTALL}"' in words
    assert "Continue to Microsoft" not in words


def test_smaller_roles_begin_nothing(
    me: Person, tenant: Tenant, user_with: AdminOf, client_of: Callable[[User], Client]
) -> None:
    me.install("account").choose(VISITOR).accept()
    connection = ExchangeConnection.objects.get()
    manager = client_of(user_with(Role.MANAGER, tenant))

    assert manager.post(INSTALL, {}).status_code == 403
    for name in ("microsoft_another_account", "microsoft_grant_again"):
        assert manager.post(reverse(f"admin:{name}", args=[connection.uuid])).status_code == 403
    for name in ("again", "consent", "granted", "answer"):
        page = reverse(f"admin:microsoft_{name}", args=[the_attempt().uuid])
        assert manager.post(page).status_code == 403


def test_every_step_needs_the_token_of_the_page_and_is_a_post(me: Person, owner: User) -> None:
    me.install().choose(ADMIN).accept()
    of_attempt = [
        reverse(f"admin:microsoft_{name}", args=[the_attempt().uuid])
        for name in ("again", "consent", "granted", "answer")
    ]
    without = Client(enforce_csrf_checks=True)
    without.force_login(owner)

    assert [without.post(step).status_code for step in (INSTALL, *of_attempt)] == [403] * 5
    assert [me.client.get(step).status_code for step in of_attempt] == [405] * 4
    assert the_attempt().step == "consent"


def test_exchange_server_has_no_account_of_microsofts(me: Person, tenant: Tenant) -> None:
    server = ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Server")

    for name in ("microsoft_another_account", "microsoft_grant_again"):
        assert me.client.post(reverse(f"admin:{name}", args=[server.uuid])).status_code == 404
