"""What must not go into production is told, and pages say what browsers may load."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from apps.console.checks import check_secret_key
from apps.tenants.models import Installation, Tenant
from tests.factories import TenantFactory


def test_missing_secret_key_is_told(settings: object) -> None:
    settings.SECRET_KEY = "insecure-without-DJANGO_SECRET_KEY"  # type: ignore[attr-defined]
    assert [error.id for error in check_secret_key()] == ["optixsync.E001"]

    settings.SECRET_KEY = "long and random"  # type: ignore[attr-defined]
    assert check_secret_key() == []


def test_pages_load_nothing_from_elsewhere_and_run_no_inline_script(
    client: Client, db: None
) -> None:
    policy = client.get(reverse("account_login"))["Content-Security-Policy"]

    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert "'unsafe-inline'" not in directives["script-src"]
    assert "http" not in policy


def test_health_check_reaches_the_database(client: Client, db: None) -> None:
    assert client.get("/healthz/").content == b"ok\n"


def test_demo_refuses_a_database_that_it_did_not_fill(db: None) -> None:
    TenantFactory.create()

    for command in ("demo_check", "demo_data", "demo_reset"):
        with pytest.raises(CommandError, match="The demo did not fill the database"):
            call_command(command, stdout=StringIO())
    assert Tenant.objects.count() == 1


def test_demo_fills_an_empty_database_once(db: None) -> None:
    out = StringIO()

    call_command("demo_data", stdout=out)
    call_command("demo_data", stdout=out)

    assert out.getvalue() == "Demo data filled in.\nDemo data is there already.\n"
    assert Installation.objects.get().is_demo
    assert Tenant.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_demo_reset_empties_what_the_demo_filled() -> None:
    call_command("demo_data", stdout=StringIO())

    call_command("demo_reset", stdout=StringIO())

    assert not Tenant.objects.exists()
