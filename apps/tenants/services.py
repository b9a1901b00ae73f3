"""What can be done to tenants and their people. Who may do it is asked before, by the console."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from apps.tenants.errors import InvitationUnusable, TenantError
from apps.tenants.models import Invitation, Membership, Role, Tenant, User

SIGNER = signing.Signer(salt="apps.tenants.invitation")


@transaction.atomic
def create_tenant(*, name: str, slug: str, owner: User | None = None, **settings: object) -> Tenant:
    """Make a tenant, with a first owner where one is given."""
    tenant = Tenant(name=name, slug=slug, **settings)
    tenant.full_clean()
    tenant.save()
    if owner is not None:
        Membership.objects.create(tenant=tenant, user=owner, role=Role.OWNER)
    return tenant


def archive_tenant(tenant: Tenant) -> None:
    """Close a tenant to its members; nothing is deleted."""
    Tenant.objects.filter(pk=tenant.pk, archived_at=None).update(archived_at=timezone.now())


def restore_tenant(tenant: Tenant) -> None:
    """Open an archived tenant again."""
    Tenant.objects.filter(pk=tenant.pk).update(archived_at=None)


@transaction.atomic
def invite(*, tenant: Tenant, email: str, role: str, by: User | None) -> Invitation:
    """Offer membership by email; an earlier open offer to the same person is withdrawn.

    Raises:
        TenantError: the person is a member already.
    """
    email = email.strip().lower()
    if Membership.objects.for_tenant(tenant).filter(user__email=email).exists():
        raise TenantError(
            _("%(email)s is a member already. Change the role in the list of members.")
            % {"email": email}
        )
    Invitation.objects.for_tenant(tenant).filter(
        email__iexact=email, accepted_at=None, revoked_at=None
    ).update(revoked_at=timezone.now())
    invitation = Invitation.objects.create(
        tenant=tenant,
        email=email,
        role=Role(role),
        invited_by=by,
        expires_at=timezone.now() + Invitation.VALID_FOR,
    )
    transaction.on_commit(partial(async_task, "apps.tenants.tasks.send_invitation", invitation.pk))
    return invitation


def revoke(invitation: Invitation) -> None:
    """Make the link of an open invitation useless."""
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
        revoked_at=timezone.now()
    )


def invitation_link(invitation: Invitation) -> str:
    """The one address at which the invitation is accepted."""
    token = SIGNER.sign(str(invitation.uuid))
    return str(settings.PUBLIC_URL) + reverse("accept_invitation", args=[token])


def find_invitation(token: str) -> Invitation:
    """The invitation that this link's token stands for.

    Raises:
        InvitationUnusable: forged, withdrawn, used or too old, in words.
    """
    try:
        key = SIGNER.unsign(token)
    except signing.BadSignature as exc:
        raise InvitationUnusable(
            _("This link is not complete. Open it from the email again, whole.")
        ) from exc
    invitation = Invitation.objects.select_related("tenant").filter(uuid=key).first()
    if invitation is None or invitation.revoked_at or invitation.tenant.archived_at:
        raise InvitationUnusable(
            _("This invitation was withdrawn. Ask the person who invited you for a new one.")
        )
    if invitation.accepted_at:
        raise InvitationUnusable(_("This invitation was used already. Sign in instead."))
    if not invitation.is_pending:
        raise InvitationUnusable(
            _(
                "This invitation is older than seven days. "
                "Ask the person who invited you for a new one."
            )
        )
    return invitation


@transaction.atomic
def accept_invitation(invitation: Invitation, user: User) -> Membership:
    """Make the invited person a member; of two tries at once, one wins.

    Raises:
        InvitationUnusable: it was used or withdrawn in the meantime, or is another person's.
    """
    if user.email.lower() != invitation.email.lower():
        raise InvitationUnusable(
            _("This invitation is for %(email)s. Sign out, and open the link again.")
            % {"email": invitation.email}
        )
    used = Invitation.objects.pending().filter(pk=invitation.pk).update(accepted_at=timezone.now())
    if not used:
        raise InvitationUnusable(_("This invitation was used already. Sign in instead."))
    membership, _created = Membership.objects.get_or_create(
        tenant=invitation.tenant, user=user, defaults={"role": invitation.role}
    )
    return membership


@transaction.atomic
def register(*, invitation: Invitation, name: str, password: str) -> User:
    """Make the account of an invited person who has none, and accept.

    Raises:
        InvitationUnusable: see accept_invitation.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(invitation.email, password, name=name)
    except IntegrityError as exc:
        # Sent twice at once: the other one has made the account.
        raise InvitationUnusable(_("This invitation was used already. Sign in instead.")) from exc
    accept_invitation(invitation, user)
    return user


@transaction.atomic
def change_role(membership: Membership, role: str) -> None:
    """Give a member another role.

    Raises:
        TenantError: the last owner would be gone.
    """
    if role != Role.OWNER:
        _keep_an_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(role=Role(role))


@transaction.atomic
def remove_member(membership: Membership) -> None:
    """End a membership; the person's account stays.

    Raises:
        TenantError: the last owner would be gone.
    """
    _keep_an_owner(membership)
    membership.delete()


def _keep_an_owner(membership: Membership) -> None:
    # Locked in one order, so that two owners cannot take the role from each other at once.
    owners = list(
        Membership.objects.for_tenant(membership.tenant)
        .filter(role=Role.OWNER)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", flat=True)
    )
    if owners == [membership.pk]:
        raise TenantError(
            _("%(person)s is the only owner. Make someone else an owner first.")
            % {"person": membership.user}
        )
