"""What Microsoft waits for: a notification's answer against that of a view which does nothing, through all middleware."""

from __future__ import annotations

import json
import statistics
import time
import uuid
from typing import TYPE_CHECKING, Any

from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sync.models import CalendarLink, Subscription
from apps.sync.subscribing import hash_of
from apps.tenants.models import Tenant
from optixsync.urls import urlpatterns as product

if TYPE_CHECKING:
    import datetime as dt

    from django.http import HttpRequest

CALENDARS = 500
CALLS = 300
SECRET = "secret"  # noqa: S105 -- nobody's
ORGANISATION = str(uuid.UUID(int=1))


@csrf_exempt
def bare(_request: HttpRequest) -> HttpResponse:
    """Answer, and nothing else."""
    return HttpResponse(status=204)


urlpatterns = [*product, path("bare/", bare)]


def run() -> None:
    call_command("migrate", verbosity=0)
    keys = _subscriptions(timezone.now())
    strangers = [str(uuid.uuid4()) for _ in range(50)]
    bodies = {
        "one change": [_note(keys[0])],
        "50 changes": [_note(key) for key in keys[:50]],
        "50 strangers": [_note(key) for key in strangers],
    }
    with override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["testserver"]):
        client = Client()
        for name, notes in bodies.items():
            nothing, taken = _median_ms(client, {"value": notes})
            print(
                f"notifications: {name} answered in {taken:.1f} ms, {taken / nothing:.1f} times a bare view"
            )


def _subscriptions(now: dt.datetime) -> list[str]:
    tenant = Tenant.objects.create(name="Bench", slug="bench-notifications")
    location = Location.objects.create(tenant=tenant, name="Bench")
    connection = ExchangeConnection.objects.create(
        tenant=tenant,
        kind="microsoft_365",
        wire="graph",
        access="organisation",
        name="Bench",
        organisation_id=ORGANISATION,
    )
    keys = []
    for number in range(CALENDARS):
        resource = Resource.objects.create(
            location=location, name=f"Room {number}", time_zone="UTC"
        )
        calendar = CalendarLink.objects.create(
            resource=resource,
            connection=connection,
            email=f"room{number}@example.com",
            state="in_sync",
            lease_until=now,
            due_at=now,
        )
        keys.append(str(uuid.uuid4()))
        Subscription.objects.create(
            calendar=calendar,
            connection=connection,
            state="alive",
            subscription_id=keys[-1],
            client_state_hash=hash_of(SECRET),
            expires_at=now,
            renewed_at=now,
        )
    return keys


def _note(key: str) -> dict[str, Any]:
    return {
        "subscriptionId": key,
        "clientState": SECRET,
        "changeType": "updated",
        "tenantId": ORGANISATION,
        "resource": f"Users/{key}/Events/{key}",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Event", "id": key},
    }


def _median_ms(client: Client, content: dict[str, Any]) -> tuple[float, float]:
    """Of a bare view and of ours, called in turns; ours finds its calendars at rest each time."""
    body = json.dumps(content)
    times: dict[str, list[float]] = {"/bare/": [], "/exchange/notifications/": []}
    for _ in range(CALLS):
        CalendarLink.objects.filter(is_nudged=True).update(is_nudged=False)
        for address, taken in times.items():
            start = time.perf_counter()
            client.post(address, body, "application/json")
            taken.append(time.perf_counter() - start)
    nothing, ours = (statistics.median(taken) * 1000 for taken in times.values())
    return nothing, ours
