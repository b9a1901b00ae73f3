"""Nobody of tenant B gets to see or to change anything of tenant A, on whatever page there is.

Addresses are found by walking the resolver, so that pages to come are covered without a word here.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.core import serializers
from django.core.files.base import ContentFile
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from apps.bookings.models import Booking, BookingChange
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.exchange.secrets import seal
from apps.resources import services as resources
from apps.resources.models import Location, Resource
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent, SyncChange, SyncRun
from apps.sync.telling import Do
from apps.tenants import services as tenants
from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.standing import SESSION_KEY
from tests.factories import LocationFactory, ResourceFactory

# In every text of tenant A, and nowhere else.
MARK = "Zanzibar"
OURS = (
    Tenant,
    Membership,
    Invitation,
    Location,
    Resource,
    Booking,
    BookingChange,
    ExchangeConnection,
    SignInAttempt,
    CalendarLink,
    RemoteEvent,
    EventLink,
    SyncRun,
    SyncChange,
    Conflict,
)
# Ends the session, or is meant for those who have none.
LEFT_OUT = re.compile(r"^(admin/logout/|accounts/(login|logout|inactive)/)$")
PAGES_OF_ONE = ("", "change/", "uninstall/")
# They refuse a parameter that they do not know; any other page picks out what it knows.
LIST = re.compile(r"^admin/\w+/\w+/$|/(autocomplete|export)/$")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

BookAt = Callable[..., Booking]


class Tenancy:
    """All that tenant A has, marked."""

    def __init__(self, tenant: Tenant, book_at: BookAt) -> None:
        self.tenant = tenant
        self.owner = User.objects.create_user(
            f"{MARK.lower()}@example.com", "x", name=f"{MARK} Owner"
        )
        self.membership = Membership.objects.create(tenant=tenant, user=self.owner, role=Role.OWNER)
        self.location = LocationFactory.create(
            tenant=tenant, name=f"{MARK} House", address=f"{MARK} Street"
        )
        self.resource = ResourceFactory.create(
            location=self.location, name=f"{MARK} Room", description=MARK
        )
        self.resource.photo.save("x", ContentFile(MARK.encode()))
        self.booking = book_at(
            self.resource,
            "2090-06-01 10:00",
            "2090-06-01 11:00",
            title=f"{MARK} meeting",
            person=MARK,
            notes=MARK,
        )
        self.connection = ExchangeConnection.objects.create(
            tenant=tenant,
            wire="ews",
            name=f"{MARK} Exchange",
            server=f"mail.{MARK.lower()}.example",
            email=f"svc@{MARK.lower()}.example",
            sealed_password=seal(MARK),
        )
        self.attempt = SignInAttempt.objects.create(
            tenant=tenant,
            user=self.owner,
            session_key=MARK,
            purpose="install",
            access="organisation",
            step="consent",
            organisation_name=f"{MARK} House",
            email=f"admin@{MARK.lower()}.example",
            consent_state=MARK,
        )
        self.invitation = tenants.invite(
            tenant=tenant, email=f"guest@{MARK.lower()}.example", role=Role.VIEWER, by=None
        )

        self._connect()

    def _connect(self) -> None:
        """What the engine knows of it."""
        now = timezone.now()
        email = f"room@{MARK.lower()}.example"
        resources.set_calendar_email(self.resource, email)
        self.calendar = CalendarLink.objects.create(
            resource=self.resource,
            connection=self.connection,
            email=email,
            mailbox_key=MARK,
            state="needs_attention",
            cause=f"{MARK} meeting cannot be read",
            lease_until=now,
            due_at=now,
        )
        RemoteEvent.objects.create(
            calendar=self.calendar,
            item_id="item",
            starts_at=self.booking.starts_at,
            ends_at=self.booking.ends_at,
            show_as="busy",
            subject=f"{MARK} meeting",
        )
        self.link = EventLink.objects.create(
            calendar=self.calendar, booking=self.booking, item_id="item", uid=MARK, held="loss"
        )
        self.run = SyncRun.objects.create(
            calendar=self.calendar, trigger="person", started_at=now, cause=f"{MARK} meeting"
        )
        told = {"title": f"{MARK} meeting"}
        self.change = SyncChange.objects.create(
            run=self.run,
            calendar=self.calendar,
            booking=self.booking,
            operation="TakeTime",
            before=told,
            after=told,
            outcome="done",
            at=now,
        )
        self.conflict = Conflict.objects.create(
            calendar=self.calendar,
            kind="overlap",
            booking=self.booking,
            item_id="item",
            ours=told,
            exchange=told,
            versions="1:1",
        )

    def of(self, model: type[Model] | None) -> Model | None:
        rows = (
            self.tenant,
            self.owner,
            self.membership,
            self.location,
            self.resource,
            self.booking,
            self.invitation,
            self.connection,
            self.run,
            self.change,
            self.conflict,
        )
        return next((row for row in rows if type(row) is model), None)


@pytest.fixture
def theirs(tenant: Tenant, book_at: BookAt) -> Tenancy:
    Tenant.objects.filter(pk=tenant.pk).update(name=f"{MARK} Works", slug=MARK.lower())
    tenant.refresh_from_db()
    return Tenancy(tenant, book_at)


def patterns(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the project as a route, the theme's and the libraries' included."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


def model_of(entry: URLPattern) -> type[Model] | None:
    """The model that an admin page is about."""
    page = getattr(entry.callback, "model_admin", None) or getattr(
        getattr(entry.callback, "__wrapped__", None), "__self__", None
    )
    return getattr(page, "model", None)


def addresses(theirs: Tenancy) -> dict[str, str]:
    """Route to address, with tenant A's own keys in the places of the parameters.

    Fails on a kind of parameter that it does not know: say below what it stands for.
    """
    found = {}
    for raw, entry in patterns():
        route = raw.replace("^", "").replace("$", "").replace(r"\Z", "")
        if LEFT_OUT.match(route):
            continue
        values: dict[str, object] = {}
        for name in PARAMETER.findall(route):
            if name == "object_id":
                row = theirs.of(model_of(entry))
                values[name] = row.pk if row else 1
            else:
                values[name] = known_parameter(name, theirs, route)
        path = route
        for name, value in values.items():
            path = re.sub(rf"<(?:\w+:)?{name}>", str(value), path)
        # What is left of regular expressions: the app labels of the index pages.
        path = re.sub(r"\(\?P<app_label>([^|)]+)[^)]*\)", r"\1", path)
        path = re.sub(r"\(\?P<\w+>[^)]*\)(\+\))?", "1", path)
        found[route] = "/" + path
    return found


def known_parameter(name: str, theirs: Tenancy, route: str) -> object:
    known = {
        "uuid": theirs.resource.uuid,
        "connection": theirs.connection.uuid,
        "attempt": theirs.attempt.uuid,
        "token": tenants.SIGNER.sign(str(theirs.invitation.uuid)),
        "app_label": "bookings",
        "url": "nowhere",
        "uidb36": "1",
        "key": "1",
        "pk": 1,
        "path": "nowhere",
        "from_field": "id",
    }
    assert name in known, f"teach the wall test what <{name}> of {route} stands for"
    return known[name]


def queries(theirs: Tenancy, route: str) -> list[dict[str, object]]:
    """What a stranger might add to an address: one after another to a list, and all at once to any other page."""
    added = parameters(theirs)
    if LIST.search(route):
        return [{}, *added]
    # Apart, since a word that was asked for may come back.
    words = [one for one in added if MARK in one.values()]
    numbers = [one for one in added if one not in words]
    return [{}, dict(ChainMap(*words)), dict(ChainMap(*numbers))]


def parameters(theirs: Tenancy) -> list[dict[str, object]]:
    """What pages are known to read from an address."""
    return [
        {"q": MARK},
        {"s": MARK, "extended": "1"},
        {"day": "all", "state": "all"},
        {"resource": theirs.resource.pk, "starts_on": "2090-06-01", "booking": theirs.booking.pk},
        {"resource__id__exact": theirs.resource.pk},
        {"location__id__exact": theirs.location.pk},
        {"location": theirs.location.pk},
        {"calendar": theirs.calendar.pk, "stand": "all", "then": "archive", "now": "1"},
        {
            "app_label": "resources",
            "model_name": "resource",
            "field_name": "location",
            "term": MARK,
        },
        {
            "app_label": "bookings",
            "model_name": "booking",
            "field_name": "resource",
            "term": MARK,
        },
    ]


def forms(theirs: Tenancy, route: str) -> list[dict[str, object]]:
    """What a stranger might post to an address: to a list each action that any list has, to any page one of them."""
    selected = {"_selected_action": [theirs.booking.pk, theirs.resource.pk, theirs.location.pk]}
    actions = {
        name
        for page in admin.site._registry.values()
        for name, *_ in (page._get_base_actions() if hasattr(page, "_get_base_actions") else [])
    }
    return [
        {},
        {
            "resource": theirs.resource.pk,
            "location": theirs.location.pk,
            "tenant": theirs.tenant.slug,
            "starts_on": "2091-06-01",
            "starts_time": "10:00",
            "ends_time": "11:00",
            "title": "Forged",
            "name": "Forged",
            "slug": "forged",
            "role": "owner",
            "email": "forged@example.com",
            "server": "forged.example.com",
            "password": "forged",
            "try_email": "forged@example.com",
            "access": "delegate",
            "ours": "remove",
            "theirs": "remove",
            "kind": "room",
            "capacity": 1,
            "time_zone": "UTC",
            "opens_at": "08:00",
            "closes_at": "18:00",
            "revision": 1,
            "read_revision": 1,
            "reason": "Forged",
            "post": "yes",
            "mailbox": "forged@example.com",
            "connection": theirs.connection.pk,
            "leave": "yes",
            "do": Do.PAUSE,
            "apply": "all",
            "link": theirs.link.pk,
            "decision": "ours",
            "versions": "1:1",
            "mail": "yes",
            "answer": "change",
        },
        {"do": Do.SEND_ALL, "keep": theirs.link.pk, "link": theirs.link.pk, "again": "yes"},
        *(
            {"action": getattr(name, "__name__", name), "post": "yes", **selected}
            for name in actions
            if LIST.search(route)
        ),
        {"action": "delete_selected", "post": "yes", **selected},
    ]


def snapshot() -> str:
    """All rows of tenant A."""
    rows = [row for model in OURS for row in model._default_manager.all().order_by("pk")]
    kept = [row for row in rows if MARK.lower() in serializers.serialize("json", [row]).lower()]
    return str(serializers.serialize("json", kept))


def close_file_of(response: Any) -> None:
    """Close the file that is sent; closing the answer would end the test's transaction too."""
    for close in response._resource_closers:
        close()


def shows(client: Client, address: str, query: dict[str, object] | None = None) -> bool:
    """Whether the answer holds a word of tenant A that was not in the question."""
    response = client.get(address, {k: str(v) for k, v in (query or {}).items()})
    content = response.getvalue()
    close_file_of(response)
    text = content.decode(errors="replace")
    # What one asks for comes back in the search field, in links, and in an empty result's words.
    asked = {MARK.lower(), urlencode({"q": MARK})} if query and MARK in query.values() else set()
    words = [
        f"{MARK} {noun}"
        for noun in ("House", "Street", "Room", "meeting", "Owner", "Works", "Exchange")
    ]
    if not asked:
        words.append(MARK)
    return any(word.lower() in text.lower() for word in words)


def trespassers(
    other_tenant: Tenant, user_with: Callable[..., User], superuser: User
) -> dict[str, Client]:
    """Each role of tenant B, a superuser who stands in B, and somebody who is not signed in."""
    clients = {"nobody": Client()}
    people = {role.value: user_with(role, other_tenant) for role in Role}
    for name, user in {**people, "superuser in B": superuser}.items():
        client = Client()
        client.force_login(user)
        session = client.session
        session[SESSION_KEY] = other_tenant.pk
        session.save()
        clients[name] = client
    return clients


# Pages of the whole installation, which superusers see from wherever they stand; and the page of
# an invitation, which whoever holds its link may see.
WHOLE_INSTALLATION = re.compile(r"^admin/(tenants/(tenant|user)/|$)|/invitation/")


def test_nobody_of_another_tenant_sees_anything(
    theirs: Tenancy,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    superuser: User,
) -> None:
    found = addresses(theirs)
    seen = []

    for who, client in trespassers(other_tenant, user_with, superuser).items():
        for route, address in found.items():
            if "/invitation/" in route and route.startswith("accounts"):
                continue
            if who == "superuser in B":
                # The switcher names all tenants to a superuser.
                continue
            asked = queries(theirs, route)
            seen += [(who, address, query) for query in asked if shows(client, address, query)]

    assert seen == []
    assert len(found) > 60


def test_superuser_sees_only_the_tenant_of_the_switcher(
    theirs: Tenancy,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    superuser: User,
) -> None:
    client = trespassers(other_tenant, user_with, superuser)["superuser in B"]
    Tenant.objects.filter(pk=theirs.tenant.pk).update(name="Alpha", slug="alpha")

    seen = [
        (address, query)
        for route, address in addresses(theirs).items()
        if not WHOLE_INSTALLATION.search(route)
        for query in queries(theirs, route)
        if shows(client, address, query)
    ]

    assert seen == []


def test_nobody_of_another_tenant_changes_anything(
    theirs: Tenancy,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    superuser: User,
) -> None:
    before = snapshot()
    assert MARK in before
    clients = trespassers(other_tenant, user_with, superuser)
    del clients["superuser in B"]

    for client in clients.values():
        session = client.session
        for route, address in addresses(theirs).items():
            if "/invitation/" in route and route.startswith("accounts"):
                continue
            for form in forms(theirs, route):
                close_file_of(client.post(address, form))
                if "switch" in route and session.session_key:
                    assert client.session.get(SESSION_KEY) in {None, other_tenant.pk}

    assert snapshot() == before


def test_the_same_addresses_show_it_to_its_own_owner(theirs: Tenancy) -> None:
    client = Client()
    client.force_login(theirs.owner)

    shown = {route for route, address in addresses(theirs).items() if shows(client, address)}

    # Else the tests above could not fail.
    for page in ("sync/syncrun", "sync/syncchange", "sync/conflict"):
        assert f"admin/{page}/" in shown
        assert f"admin/{page}/<path:object_id>/change/" in shown
    for page in ("", "held/", "leave/", "preview/"):
        assert f"admin/resources/resource/<path:object_id>/calendar/{page}" in shown
    for page in ("resources/resource", "bookings/booking", "resources/location"):
        assert f"admin/{page}/" in shown
        assert f"admin/{page}/<path:object_id>/change/" in shown
        assert f"admin/{page}/<path:object_id>/history/" in shown
    assert "admin/photo/<uuid:uuid>/" in shown
    for page in ("", "exchange/", *(f"exchange/<uuid:connection>/{one}" for one in PAGES_OF_ONE)):
        assert f"admin/apps/{page}" in shown


def test_viewer_changes_nothing_of_their_own_tenant(
    theirs: Tenancy, user_with: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    client = client_of(user_with(Role.VIEWER, theirs.tenant))
    before = snapshot()

    for route, address in addresses(theirs).items():
        if not route.startswith("accounts"):
            for form in forms(theirs, route):
                close_file_of(client.post(address, form))

    assert snapshot() == before


@pytest.mark.parametrize(
    ("role", "closed"),
    [
        (
            Role.VIEWER,
            ["tenants_membership", "tenants_invitation", "tenants_tenant", "tenants_user"],
        ),
        (
            Role.MANAGER,
            ["tenants_membership", "tenants_invitation", "tenants_tenant", "tenants_user"],
        ),
        (Role.OWNER, ["tenants_user"]),
    ],
)
def test_role_does_not_reach_what_larger_roles_do(
    theirs: Tenancy,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
    role: Role,
    closed: list[str],
) -> None:
    client = client_of(user_with(role, theirs.tenant))

    for name in closed:
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403
