"""One calendar email belongs to one resource, and every refusal says why."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.resources import services
from apps.resources.errors import CalendarRefused
from apps.resources.models import Resource
from apps.tenants.models import Tenant
from tests.factories import LocationFactory, ResourceFactory

EMAIL = "Lighthouse@Example.com"


def test_email_is_stored_as_typed_and_cleared_to_null(resource: Resource) -> None:
    services.set_calendar_email(resource, f" {EMAIL} ")
    assert Resource.objects.get().calendar_email == EMAIL

    services.set_calendar_email(resource, " ")
    assert Resource.objects.get().calendar_email is None


def test_what_is_no_email_is_refused(resource: Resource) -> None:
    with pytest.raises(CalendarRefused, match="Could not connect resource to calendar: “meeting"):
        services.set_calendar_email(resource, "meeting room")


def test_own_double_is_refused_in_any_letter_case_and_named(resource: Resource) -> None:
    services.set_calendar_email(resource, EMAIL)
    other = ResourceFactory.create(location=resource.location)

    with pytest.raises(CalendarRefused, match="is connected to “Lighthouse” in Pier House"):
        services.set_calendar_email(other, EMAIL.upper())

    other.refresh_from_db()
    assert other.calendar_email is None


def test_double_of_another_tenant_tells_a_code_and_nothing_else(
    resource: Resource, other_tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    services.set_calendar_email(resource, EMAIL)
    foreign = ResourceFactory.create(location=LocationFactory.create(tenant=other_tenant))

    with pytest.raises(CalendarRefused) as refused:
        services.set_calendar_email(foreign, EMAIL.lower())

    words = str(refused.value)
    code = re.search(r"code (\w+)", words)
    assert code is not None
    assert "Lighthouse" not in words
    assert code[1] in caplog.text
    assert EMAIL.lower() not in caplog.text.lower()


def test_guessing_addresses_of_others_ends_soon(resource: Resource, other_tenant: Tenant) -> None:
    services.set_calendar_email(resource, EMAIL)
    foreign = ResourceFactory.create(location=LocationFactory.create(tenant=other_tenant))
    for _ in range(services.REFUSALS_PER_HOUR):
        with pytest.raises(CalendarRefused, match="administrator"):
            services.set_calendar_email(foreign, EMAIL)

    with pytest.raises(CalendarRefused, match="too many addresses"):
        services.set_calendar_email(foreign, "free@example.com")


def test_database_refuses_what_no_service_saw(resource: Resource) -> None:
    services.set_calendar_email(resource, EMAIL)
    other = ResourceFactory.create(location=resource.location)

    with pytest.raises(IntegrityError, match="calendar_email_unique"), transaction.atomic():
        Resource.objects.filter(pk=other.pk).update(calendar_email=EMAIL.upper())
    with pytest.raises(IntegrityError, match="null_when_empty"), transaction.atomic():
        Resource.objects.filter(pk=other.pk).update(calendar_email="")


def test_model_validation_refuses_a_double(resource: Resource) -> None:
    services.set_calendar_email(resource, EMAIL)
    other = ResourceFactory.create(location=resource.location)
    other.calendar_email = EMAIL.upper()

    with pytest.raises(ValidationError, match="Could not connect resource to calendar"):
        other.validate_constraints()
