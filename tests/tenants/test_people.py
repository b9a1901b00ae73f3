"""People come by invitation, have a role, and one owner always stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from apps.tenants import services, tasks
from apps.tenants.errors import InvitationUnusable, TenantError
from apps.tenants.models import Invitation, Membership, Role, Tenant, User

UserWith = Callable[..., User]
PASSWORD = "correct horse battery"


@pytest.fixture
def invitation(tenant: Tenant) -> Invitation:
    return services.invite(tenant=tenant, email="New@Example.com", role=Role.MANAGER, by=None)


def page_of(invitation: Invitation) -> str:
    return services.invitation_link(invitation).removeprefix("http://127.0.0.1:8000")


@pytest.mark.django_db(transaction=True)
def test_invitation_is_queued_without_its_link(invitation: Invitation) -> None:
    payload = OrmQ.objects.get().payload

    assert invitation.uuid.hex not in payload
    assert services.invitation_link(invitation).rsplit("/", 2)[1] not in payload


def test_worker_mails_the_link(invitation: Invitation) -> None:
    assert tasks.send_invitation(invitation.pk) == "sent"

    assert mail.outbox[0].to == ["new@example.com"]
    assert services.invitation_link(invitation) in mail.outbox[0].body


def test_withdrawn_invitation_is_not_mailed(invitation: Invitation) -> None:
    services.revoke(invitation)

    assert tasks.send_invitation(invitation.pk) == "skipped: no longer open"
    assert mail.outbox == []


def test_new_person_makes_an_account_and_is_in(invitation: Invitation, client: Client) -> None:
    assert "You are invited to Alpha Works" in client.get(page_of(invitation)).content.decode()

    response = client.post(
        page_of(invitation), {"name": "Nora New", "password": PASSWORD}, follow=True
    )

    user = User.objects.get(email="new@example.com")
    assert Membership.objects.get(user=user).role == Role.MANAGER
    assert "Welcome. You are a member of Alpha Works." in response.content.decode()
    assert client.get(page_of(invitation)).status_code == 410


def test_of_two_forms_sent_at_once_the_second_is_told(invitation: Invitation) -> None:
    services.register(invitation=invitation, name="Nora", password=PASSWORD)

    with pytest.raises(InvitationUnusable, match="used already"):
        services.register(invitation=invitation, name="Nora", password=PASSWORD)


def test_weak_password_is_refused(invitation: Invitation, client: Client) -> None:
    response = client.post(page_of(invitation), {"name": "Nora", "password": "12345"})

    assert "too short" in response.content.decode()
    assert not User.objects.filter(email="new@example.com").exists()


def test_person_with_an_account_signs_in_and_joins(invitation: Invitation, client: Client) -> None:
    user = User.objects.create_user("new@example.com", PASSWORD)
    assert f"next={page_of(invitation)}" in client.get(page_of(invitation)).content.decode()

    client.force_login(user)
    client.post(page_of(invitation))

    assert Membership.objects.filter(user=user, tenant=invitation.tenant).exists()


def test_link_is_no_use_to_somebody_else(invitation: Invitation, client: Client) -> None:
    client.force_login(User.objects.create_user("other@example.com", PASSWORD))

    client.post(page_of(invitation))

    assert not Membership.objects.exists()


def test_forged_old_or_withdrawn_link_says_why(invitation: Invitation) -> None:
    token = services.SIGNER.sign(str(invitation.uuid))
    with pytest.raises(InvitationUnusable, match="not complete"):
        services.find_invitation(token[:-1])

    Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    with pytest.raises(InvitationUnusable, match="older than seven days"):
        services.find_invitation(token)

    services.revoke(invitation)
    with pytest.raises(InvitationUnusable, match="withdrawn"):
        services.find_invitation(token)


def test_second_invitation_withdraws_the_first(invitation: Invitation) -> None:
    services.invite(tenant=invitation.tenant, email="new@example.com", role=Role.OWNER, by=None)

    assert Invitation.objects.pending().get().role == Role.OWNER


def test_member_is_not_invited(tenant: Tenant, manager: User) -> None:
    with pytest.raises(TenantError, match="a member already"):
        services.invite(tenant=tenant, email=manager.email.upper(), role=Role.OWNER, by=None)


def test_last_owner_stays(tenant: Tenant, user_with: UserWith) -> None:
    user_with(Role.OWNER, tenant)
    membership = Membership.objects.get()

    with pytest.raises(TenantError, match="the only owner"):
        services.remove_member(membership)
    with pytest.raises(TenantError, match="the only owner"):
        services.change_role(membership, Role.VIEWER)

    user_with(Role.OWNER, tenant)
    services.remove_member(membership)


def test_owner_changes_roles_and_removes_in_the_console(
    tenant: Tenant, user_with: UserWith, client_of: Callable[[User], Client]
) -> None:
    client = client_of(user_with(Role.OWNER, tenant, email="owner@example.com"))
    user_with(Role.VIEWER, tenant, email="viewer@example.com")
    viewer = Membership.objects.get(user__email="viewer@example.com")
    owner = Membership.objects.get(user__email="owner@example.com")

    page = reverse("admin:tenants_membership_change", args=[viewer.pk])
    client.post(page, {"role": "manager"})
    viewer.refresh_from_db()
    assert viewer.role == Role.MANAGER

    page = reverse("admin:tenants_membership_change", args=[owner.pk])
    assert "the only owner" in client.post(page, {"role": "viewer"}).content.decode()

    client.post(reverse("admin:tenants_membership_remove_row", args=[viewer.pk]))
    assert not Membership.objects.filter(pk=viewer.pk).exists()


def test_owner_invites_in_the_console_and_the_demo_shows_the_link(
    tenant: Tenant, user_with: UserWith, client_of: Callable[[User], Client], settings: object
) -> None:
    settings.DEMO = True  # type: ignore[attr-defined]
    client = client_of(user_with(Role.OWNER, tenant))

    response = client.post(
        reverse("admin:tenants_invitation_add"),
        {"email": "new@example.com", "role": "viewer"},
        follow=True,
    )

    assert services.invitation_link(Invitation.objects.get()) in response.content.decode()


def test_owner_changes_the_settings_but_not_the_slug(
    tenant: Tenant, user_with: UserWith, client_of: Callable[[User], Client]
) -> None:
    client = client_of(user_with(Role.OWNER, tenant))
    page = reverse("admin:tenants_tenant_change", args=[tenant.pk])
    data = {
        "name": "Alpha & Co",
        "slug": "other",
        "time_zone": "Europe/Paris",
        "opens_at": "07:00",
        "closes_at": "19:00",
        "conflict_policy": "exchange",
        "kept_details": "subject",
        "sent_details": "title",
        "window_days": "180",
    }

    client.post(page, data)
    tenant.refresh_from_db()
    assert (tenant.name, tenant.slug, tenant.time_zone) == ("Alpha & Co", "alpha", "Europe/Paris")

    refused = client.post(page, {**data, "time_zone": "Mars/Base", "closes_at": "06:00"})
    assert "“Mars/Base” is not a time zone" in refused.content.decode()


def test_archived_tenant_is_closed_to_its_members(
    tenant: Tenant, user_with: UserWith, client_of: Callable[[User], Client], superuser: User
) -> None:
    client = client_of(user_with(Role.OWNER, tenant))
    admin = client_of(superuser)
    archive = reverse("admin:tenants_tenant_archive_row", args=[tenant.pk])

    admin.get(archive)
    assert client.get(reverse("admin:index")).status_code == 200
    admin.post(archive)
    refused = client.get(reverse("admin:index"), follow=True)
    assert refused.status_code == 403
    assert "No tenant is open to you" in refused.content.decode()
    admin.post(archive)
    assert client.get(reverse("admin:index")).status_code == 200


def test_superuser_stands_in_the_tenant_of_the_switcher(
    tenant: Tenant, other_tenant: Tenant, client_of: Callable[[User], Client], superuser: User
) -> None:
    client = client_of(superuser)

    client.post(reverse("admin:switch_tenant"), {"tenant": "beta"})
    assert client.get(reverse("admin:index")).context["standing"].tenant == other_tenant
    client.get(reverse("admin:tenants_tenant_go_row", args=[tenant.pk]))
    assert client.get(reverse("admin:index")).context["standing"].tenant == tenant


def test_member_cannot_switch_to_a_tenant_of_others(
    tenant: Tenant, other_tenant: Tenant, manager: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(manager)

    response = client.post(reverse("admin:switch_tenant"), {"tenant": "beta"})

    assert response.status_code == 404
    assert client.get(reverse("admin:index")).context["standing"].tenant == tenant


def test_sign_in_takes_any_letter_case_and_closes_after_many_failures(
    tenant: Tenant, user_with: UserWith, client: Client
) -> None:
    user_with(Role.VIEWER, tenant, email="person@example.com", password="md5$x$x")
    User.objects.get(email="person@example.com").set_password(PASSWORD)
    user = User.objects.get(email="person@example.com")
    user.set_password(PASSWORD)
    user.save()
    page = reverse("account_login")

    response = client.post(page, {"login": "PERSON@example.com", "password": PASSWORD})
    assert response.url == reverse("admin:index")  # type: ignore[attr-defined]

    client.post(reverse("account_logout"))
    for _ in range(5):
        client.post(page, {"login": "person@example.com", "password": "wrong"})
    refused = client.post(page, {"login": "person@example.com", "password": PASSWORD})
    assert "Too many failed login attempts" in refused.content.decode()


def test_deactivated_person_does_not_get_in(
    tenant: Tenant, user_with: UserWith, client: Client
) -> None:
    user = user_with(Role.VIEWER, tenant)
    client.force_login(user)
    User.objects.update(is_active=False)

    assert client.get(reverse("admin:index")).status_code == 302


def test_signing_up_is_closed(client: Client, db: None) -> None:
    page = client.get(reverse("account_signup"))

    assert "closed" in page.content.decode().lower()


def test_two_factor_sign_in_is_offered(manager: User, client_of: Callable[[User], Client]) -> None:
    assert client_of(manager).get(reverse("mfa_index")).status_code == 200


def test_nobody_takes_another_email_by_themselves(
    manager: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(manager)

    response = client.post("/accounts/email/", {"action_add": "", "email": "boss@example.com"})

    assert response.url == reverse("admin:index")  # type: ignore[attr-defined]
    assert User.objects.filter(email="boss@example.com").count() == 0
