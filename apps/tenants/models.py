"""Who uses this installation: tenants, their people, and what each may do."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator, validate_slug
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.tenants.querysets import TenantQuerySet
from apps.tenants.time_zones import validate_time_zone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person who signs in with an email address. What they may do is on Membership."""

    email = models.EmailField(
        _("email"), unique=True, error_messages={"unique": _("Someone has this email already.")}
    )
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch off to keep the person from signing in.")
    )
    is_superuser = models.BooleanField(
        _("superuser"), default=False, help_text=_("Has every role in every tenant.")
    )
    date_joined = models.DateTimeField(_("date joined"), default=timezone.now, editable=False)

    objects = UserManager()

    EMAIL_FIELD = USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("email",)
        constraints = (
            models.UniqueConstraint(Lower("email"), name="user_email_unique_in_any_case"),
        )

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Django's own permissions are for superusers; ours are roles (Membership)."""
        return self.is_active and self.is_superuser

    def has_perms(self, perms: list[str], obj: models.Model | None = None) -> bool:
        return self.has_perm("", obj)

    def has_module_perms(self, app_label: str) -> bool:
        return self.has_perm("")


class Role(models.TextChoices):
    """What a member may do. Each role may do all that the ones before it may."""

    VIEWER = "viewer", _("Viewer")
    MANAGER = "manager", _("Manager")
    OWNER = "owner", _("Owner")

    def includes(self, other: Role) -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


class TenantDirectory(models.QuerySet["Tenant"]):
    def open(self) -> TenantDirectory:
        """Not archived."""
        return self.filter(archived_at=None)

    def for_user(self, user: User) -> TenantDirectory:
        """The tenants in which this person may stand, by name."""
        if not user.is_active:
            return self.none()
        if user.is_superuser:
            return self.open()
        return self.open().filter(memberships__user=user)


class Tenant(models.Model):
    """An operator: the company whose rooms, desks and equipment are booked."""

    class ConflictPolicy(models.TextChoices):
        ASK = "ask", _("Ask")
        EXCHANGE = "exchange", _("Exchange wins")
        OPTIXSYNC = "optixsync", _("OptixSync wins")
        FIRST_COME = "first_come", _("First come")

    class KeptDetails(models.TextChoices):
        SUBJECT = "subject", _("Subject and organiser")
        ORGANIZER = "organizer", _("Organiser")
        BUSY = "busy", _("Busy only")

    class SentDetails(models.TextChoices):
        BOOKED = "booked", _("“Booked”")
        TITLE = "title", _("Title")
        TITLE_AND_PERSON = "title_and_person", _("Title and person")

    name = models.CharField(
        _("name"), max_length=100, help_text=_("As your people see it, at the top of the menu.")
    )
    slug = models.SlugField(
        _("slug"),
        unique=True,
        validators=[validate_slug],
        help_text=_("Short name for commands and links: lower-case letters, digits, hyphens."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="Europe/London",
        validators=[validate_time_zone],
        help_text=_("Which day is today on the Dashboard, and what a new resource starts with."),
    )
    opens_at = models.TimeField(
        _("opens at"),
        default=dt.time(8),
        help_text=_("The day that availability shows begins here. Bookings may lie outside."),
    )
    closes_at = models.TimeField(
        _("closes at"), default=dt.time(18), help_text=_("The day that availability shows ends.")
    )
    conflict_policy = models.CharField(
        _("conflicts"),
        max_length=10,
        choices=ConflictPolicy,
        default=ConflictPolicy.ASK,
        help_text=_(
            "Who wins when a booking and an Exchange event disagree. First come settles overlaps "
            "alone: the one that was made earlier stays."
        ),
    )
    kept_details = models.CharField(
        _("what we keep of Exchange’s events"),
        max_length=10,
        choices=KeptDetails,
        default=KeptDetails.SUBJECT,
        help_text=_("Private events are kept as “Private”, whatever is chosen here."),
    )
    sent_details = models.CharField(
        _("what Exchange sees of our bookings"),
        max_length=16,
        choices=SentDetails,
        default=SentDetails.TITLE,
        help_text=_("Everyone who can open the room’s calendar in Outlook sees it."),
    )
    window_days = models.PositiveSmallIntegerField(
        _("days ahead"),
        default=180,
        validators=[MinValueValidator(14), MaxValueValidator(700)],
        help_text=_("How far ahead calendars are kept in agreement."),
    )
    archived_at = models.DateTimeField(_("archived at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = TenantDirectory.as_manager()

    class Meta:
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")
        ordering = ("name", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("opens_at")),
                name="tenant_closes_after_it_opens",
                violation_error_message=_("Closing time must be later than opening time."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(TenantQuerySet["Membership"]):
    pass


class Membership(models.Model):
    """A person's role in one tenant."""

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="memberships", verbose_name=_("tenant")
    )
    user = models.ForeignKey(
        User, models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(
        _("role"),
        max_length=10,
        choices=Role,
        default=Role.VIEWER,
        help_text=_(
            "Viewers see everything. Managers also write resources, locations and bookings. "
            "Owners also manage members and settings."
        ),
    )
    created_at = models.DateTimeField(_("member since"), auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ("user__email",)
        constraints = (
            models.UniqueConstraint(fields=("tenant", "user"), name="one_membership_per_tenant"),
        )

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class InvitationQuerySet(TenantQuerySet["Invitation"]):
    def pending(self) -> InvitationQuerySet:
        """Neither used nor withdrawn nor too old."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """An offer of membership by email: one link, one use, seven days."""

    VALID_FOR = dt.timedelta(days=7)

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="invitations", verbose_name=_("tenant")
    )
    email = models.EmailField(_("email"))
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.VIEWER)
    # Signed into the link, so that who only reads the table cannot make the link.
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User, models.SET_NULL, null=True, editable=False, verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("invited at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"), editable=False)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("withdrawn at"), null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-created_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                "tenant",
                condition=Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_email",
                violation_error_message=_("This person has an invitation already."),
            ),
        )

    def __str__(self) -> str:
        return self.email

    @property
    def is_pending(self) -> bool:
        return (
            self.accepted_at is None
            and self.revoked_at is None
            and self.expires_at > timezone.now()
        )


class Installation(models.Model):
    """This installation, one row: who it is, where it may send from, and whether it is the demo.

    `uuid` stamps what is written to mailboxes. A copied database has the same one, so it sends only
    where INSTALLATION_ID in the environment is `sends_from`: a copy is silent until someone decides.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sends_from = models.CharField(max_length=64, blank=True, editable=False)
    is_demo = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("installation")
        constraints = (models.CheckConstraint(condition=Q(id=1), name="one_installation"),)

    def __str__(self) -> str:
        return str(self.uuid)
