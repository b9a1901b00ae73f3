"""Members, invitations, settings, and for superusers tenants and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.console.tenant_admin import TenantAdmin, allows
from apps.sync import tenant_choices
from apps.sync.tenant_choices import CHOICES
from apps.tenants import services
from apps.tenants.errors import TenantError
from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.standing import stand_in, standing
from apps.tenants.time_zones import time_zone_names

if TYPE_CHECKING:
    from django.http import HttpRequest


def confirm(
    request: HttpRequest, page: ModelAdmin, *, title: str, words: str, button: str, back: str
) -> TemplateResponse:
    """A page that asks once; its form posts to where it stands."""
    return TemplateResponse(
        request,
        "console/confirm.html",
        {
            **page.admin_site.each_context(request),
            "title": title,
            "words": words,
            "button": button,
            "back": back,
        },
    )


class RoleForm(forms.ModelForm[Membership]):
    """Another role; that one owner stays is asked of the service, in the view's transaction."""

    class Meta:
        model = Membership
        fields = ("role",)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.change_role(self.instance, cleaned["role"])
            except TenantError as refused:
                self.add_error("role", str(refused))
        return cleaned


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    role_to_view = role_to_write = Role.OWNER
    form = RoleForm
    list_display = ("person", "email", "role", "created_at")
    list_select_related = ("user",)
    list_filter = ("role",)
    search_fields = ("user__email", "user__name")
    fields = ("role",)
    actions = None
    actions_list = ("invitations_list",)
    actions_row = ("edit_row", "remove_row")

    @display(description=gettext_lazy("name"), ordering="user__name")
    def person(self, membership: Membership) -> str:
        return str(membership.user)

    @display(description=gettext_lazy("email"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @action(
        description=gettext_lazy("Invitations"),
        icon="mail",
        url_path="invitations",
        permissions=["view"],
    )
    def invitations_list(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tenants_invitation_changelist"))

    @action(description=gettext_lazy("Change role"), icon="edit", url_path="edit")
    def edit_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:tenants_membership_change", args=[object_id]))

    @action(
        description=gettext_lazy("Remove"),
        icon="person_remove",
        url_path="remove",
        permissions=["change"],
    )
    def remove_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        membership = get_object_or_404(
            self.get_queryset(request).select_related("user", "tenant"), pk=_number(object_id)
        )
        back = reverse("admin:tenants_membership_changelist")
        if request.method != "POST":
            words = _(
                "%(email)s can no longer enter %(tenant)s. What they did stays in the history, "
                "and they can be invited again."
            ) % {"email": membership.user.email, "tenant": membership.tenant}
            return confirm(
                request,
                self,
                title=_("Remove %(person)s") % {"person": membership.user},
                words=words,
                button=_("Remove"),
                back=back,
            )
        try:
            services.remove_member(membership)
        except TenantError as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.message_user(
                request,
                _("%(person)s is no longer a member.") % {"person": membership.user},
                messages.SUCCESS,
            )
        return HttpResponseRedirect(back)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People become members by invitation."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Removing asks the service, which keeps one owner."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The form's validation has written it already."""


class InvitationForm(forms.ModelForm[Invitation]):
    class Meta:
        model = Invitation
        fields = ("email", "role")

    tenant: Tenant

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        if Membership.objects.for_tenant(self.tenant).filter(user__email=email).exists():
            raise forms.ValidationError(
                _("%(email)s is a member already. Change the role in the list of members.")
                % {"email": email}
            )
        return email

    def validate_constraints(self) -> None:
        """An earlier open invitation is withdrawn by the service, so it is in nobody's way."""


@admin.register(Invitation)
class InvitationAdmin(TenantAdmin):
    role_to_view = role_to_write = Role.OWNER
    form = InvitationForm
    list_display = ("email", "role", "state", "invited_by", "expires_at")
    list_select_related = ("invited_by",)
    search_fields = ("email",)
    fields = ("email", "role")
    actions = None
    actions_row = ("again_row", "withdraw_row")
    empty_title = gettext_lazy("No invitations yet")
    empty_text = gettext_lazy(
        "Invite a person by email. The link works once, for seven days, and makes them a member."
    )

    @display(
        description=gettext_lazy("state"),
        label={"open": "info", "accepted": "success", "withdrawn": "warning", "expired": "danger"},
    )
    def state(self, invitation: Invitation) -> tuple[str, str]:
        if invitation.accepted_at:
            return "accepted", _("Accepted")
        if invitation.revoked_at:
            return "withdrawn", _("Withdrawn")
        return ("open", _("Open")) if invitation.is_pending else ("expired", _("Too old"))

    @action(
        description=gettext_lazy("Send again"),
        icon="forward_to_inbox",
        url_path="again",
        permissions=["change"],
    )
    def again_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        invitation = self._found(request, object_id)
        if request.method == "POST":
            self._invite(request, invitation.email, invitation.role)
            return HttpResponseRedirect(reverse("admin:tenants_invitation_changelist"))
        return confirm(
            request,
            self,
            title=_("Invite %(email)s again") % {"email": invitation.email},
            words=_("A new link is sent, for seven days. The earlier one stops working."),
            button=_("Send again"),
            back=reverse("admin:tenants_invitation_changelist"),
        )

    @action(
        description=gettext_lazy("Withdraw"),
        icon="cancel_schedule_send",
        url_path="withdraw",
        permissions=["change"],
    )
    def withdraw_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        invitation = self._found(request, object_id)
        if request.method == "POST":
            services.revoke(invitation)
            self.message_user(
                request,
                _("The link that %(email)s has no longer works.") % {"email": invitation.email},
                messages.SUCCESS,
            )
            return HttpResponseRedirect(reverse("admin:tenants_invitation_changelist"))
        return confirm(
            request,
            self,
            title=_("Withdraw the invitation of %(email)s") % {"email": invitation.email},
            words=_("The link stops working. You can invite this person again at any time."),
            button=_("Withdraw"),
            back=reverse("admin:tenants_invitation_changelist"),
        )

    def _found(self, request: HttpRequest, object_id: str) -> Invitation:
        invitation: Invitation = get_object_or_404(
            self.get_queryset(request), pk=_number(object_id)
        )
        return invitation

    def _invite(self, request: HttpRequest, email: str, role: str) -> Invitation | None:
        by = request.user if isinstance(request.user, User) else None
        try:
            invitation = services.invite(tenant=self.tenant(request), email=email, role=role, by=by)
        except TenantError as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return None
        words = _("%(email)s is invited, for seven days.") % {"email": email}
        if settings.DEMO:
            # The demo's mail goes into a file, which nobody would look for.
            words += " " + _("The link: %(link)s") % {"link": services.invitation_link(invitation)}
        self.message_user(request, words, messages.SUCCESS)
        return invitation

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[InvitationForm]:
        form: type[InvitationForm] = super().get_form(request, obj, change=change, **kwargs)
        form.tenant = self.tenant(request)
        return form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Invitation:
        email, role = form.cleaned_data["email"], form.cleaned_data["role"]
        return self._invite(request, email, role) or Invitation(email=email, role=role)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Written by the service already."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on an invitation."""

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The message is told already, with what matters."""
        return HttpResponseRedirect(reverse("admin:tenants_invitation_changelist"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was sent is not edited; it is withdrawn or sent again."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.is_superuser


class TenantForm(forms.ModelForm[Tenant]):
    class Meta:
        model = Tenant
        fields = ("name", "slug", "time_zone", "opens_at", "closes_at", *CHOICES)
        widgets = {
            "time_zone": UnfoldAdminTextInputWidget(attrs={"list": "time-zones"}),
        }


@admin.register(Tenant)
class TenantsAdmin(ModelAdmin):
    """All tenants for superusers; for owners the form of their own alone, as Settings."""

    form = TenantForm
    list_display = ("name", "slug", "time_zone", "members", "state")
    search_fields = ("name", "slug")
    ordering = ("name", "pk")
    fieldsets = (
        (gettext_lazy("Tenant"), {"fields": ("name", "slug")}),
        (gettext_lazy("Days"), {"fields": ("time_zone", ("opens_at", "closes_at"))}),
        (
            gettext_lazy("Exchange"),
            {
                "fields": CHOICES,
                "description": gettext_lazy(
                    "A change holds for what is there already, too. What may no longer be kept is "
                    "erased at once, also from history; what Exchange sees of your bookings is "
                    "written anew within minutes."
                ),
            },
        ),
    )
    actions = None
    actions_row = ("go_row", "archive_row")
    change_form_after_template = "console/people/time_zones.html"
    empty_text = gettext_lazy("A tenant is an operator whose rooms are booked. Make the first.")
    warn_unsaved_form = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        queryset: QuerySet[Tenant] = super().get_queryset(request)
        if not is_superuser(request):
            here = self._own(request)
            return queryset.filter(pk=here.pk) if here else queryset.none()
        return queryset.annotate(members_count=Count("memberships"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An owner has one tenant, and its page is Settings."""
        here = self._own(request)
        if not is_superuser(request) and here is not None:
            return HttpResponseRedirect(reverse("admin:tenants_tenant_change", args=[here.pk]))
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    @display(description=gettext_lazy("members"), ordering="members_count")
    def members(self, tenant: Tenant) -> int:
        return getattr(tenant, "members_count", 0)

    @display(
        description=gettext_lazy("state"),
        ordering="archived_at",
        label={"open": "success", "archived": "warning"},
    )
    def state(self, tenant: Tenant) -> tuple[str, str]:
        return ("archived", _("Archived")) if tenant.archived_at else ("open", _("Open"))

    @action(
        description=gettext_lazy("Go there"),
        icon="login",
        url_path="go",
        permissions=["superuser"],
    )
    def go_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = get_object_or_404(Tenant.objects.open(), pk=_number(object_id))
        stand_in(request, tenant)
        return HttpResponseRedirect(reverse("admin:index"))

    @action(
        description=gettext_lazy("Archive or restore"),
        icon="archive",
        url_path="archive",
        permissions=["superuser"],
    )
    def archive_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=_number(object_id))
        back = reverse("admin:tenants_tenant_changelist")
        if request.method == "POST":
            if tenant.archived_at:
                services.restore_tenant(tenant)
                words = _("%(tenant)s is open again.")
            else:
                services.archive_tenant(tenant)
                words = _("%(tenant)s is archived. Restore it here when it is needed again.")
            self.message_user(request, words % {"tenant": tenant}, messages.SUCCESS)
            return HttpResponseRedirect(back)
        if tenant.archived_at:
            title, button = _("Restore %(tenant)s"), _("Restore")
            words = _("Its members can enter again, and find everything as it was.")
        else:
            title, button = _("Archive %(tenant)s"), _("Archive")
            words = _("Its members can no longer enter. Nothing is deleted.")
        return confirm(
            request, self, title=title % {"tenant": tenant}, words=words, button=button, back=back
        )

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        """The choices about sync reach back to what is stored."""
        before = tenant_choices.choices_of(Tenant.objects.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)
        if before is not None:
            tenant_choices.apply(obj, before)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Commands and links name a tenant by its slug: only a superuser changes it."""
        return () if is_superuser(request) else ("slug",)

    def _own(self, request: HttpRequest) -> Tenant | None:
        here = standing(request)
        return here.tenant if here and here.allows(Role.OWNER) else None

    def has_superuser_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request) or allows(request, Role.OWNER)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) or allows(request, Role.OWNER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request) or allows(request, Role.OWNER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A tenant is archived, never deleted."""
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["time_zone_names"] = time_zone_names()
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response


@admin.register(User)
class UserAdmin(ModelAdmin):
    """Everyone with an account, for superusers."""

    list_display = ("email", "name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_active", "is_superuser", "last_login", "date_joined")
    actions = None

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Nobody locks themselves out."""
        own = ("is_active", "is_superuser") if obj == request.user else ()
        return ("email", "last_login", "date_joined", *own)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People come by invitation, superusers by `manage.py createsuperuser`."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """History names them; they are switched off instead."""
        return False


def _number(object_id: str) -> int:
    return int(object_id) if object_id.isdigit() else 0
