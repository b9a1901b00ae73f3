"""Conflicts: the list, and a page for each with both versions and what can be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display

from apps.console import conflict_words
from apps.console.tenant_admin import TenantAdmin, allows
from apps.sync import deciding
from apps.sync.deciding import CannotDecide
from apps.sync.models import Conflict
from apps.tenants.models import Role, User

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from apps.console.conflict_words import Choice

# Decided, and open all the same: the decision holds until either side moves.
REMEMBERED = (Conflict.Decision.BOTH, Conflict.Decision.LEAVE)


class StandFilter(admin.SimpleListFilter):
    """Without a choice, what waits for a person."""

    title = gettext_lazy("state")
    parameter_name = "stand"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("decided", _("Decided, and still there")), ("over", _("Over")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        rest = list(super().choices(changelist))
        rest[0]["display"] = _("Waiting for a person")
        return rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "decided":
                return queryset.filter(closed_at=None).exclude(decision="")
            case "over":
                return queryset.exclude(closed_at=None)
            case "all":
                return queryset
            case _:
                return queryset.filter(closed_at=None, decision="")


@admin.register(Conflict)
class ConflictAdmin(TenantAdmin):
    list_display = ("what", "resource", "kind", "opened_at", "stand")
    list_select_related = ("booking", "other", "calendar__resource")
    list_filter = (StandFilter, "kind")
    list_filter_submit = False
    search_fields = ("booking__title", "calendar__resource__name")
    actions = None
    actions_row = ("look_row",)
    empty_title = gettext_lazy("Nothing waits for a person")
    empty_text = gettext_lazy(
        "When a booking and an Exchange event disagree and nobody can tell who is right, it "
        "appears here, on the resource, on the booking and on the Dashboard."
    )

    @display(description=gettext_lazy("what"))
    def what(self, conflict: Conflict) -> str:
        return conflict_words.headline(conflict)

    @display(description=gettext_lazy("resource"), ordering="calendar__resource__name")
    def resource(self, conflict: Conflict) -> str:
        return str(conflict.calendar.resource)

    @display(
        description=gettext_lazy("state"),
        label={"waiting": "warning", "decided": "info", "over": "success"},
    )
    def stand(self, conflict: Conflict) -> tuple[str, str]:
        if conflict.closed_at is not None:
            return "over", _("Over")
        if conflict.decision:
            return "decided", str(conflict.get_decision_display())
        return "waiting", _("Waiting")

    @action(description=gettext_lazy("Look and decide"), icon="rule", url_path="look")
    def look_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(page_of(object_id))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Both versions, and a button for each way out."""
        conflict = self._found(request, object_id)
        if request.method != "POST":
            return self._page(request, conflict)
        if not allows(request, Role.MANAGER):
            raise PermissionDenied
        by = request.user if isinstance(request.user, User) else None
        choice = request.POST.get("decision", "")
        try:
            if "again" in request.POST:
                deciding.reconsider(conflict, by=by)
                words = _("It is asked again.")
            else:
                mailing = self._would_mail(conflict, choice)
                if mailing is not None and "mail" not in request.POST:
                    return self._page(request, conflict, asks=mailing)
                deciding.decide(conflict, choice, versions=request.POST.get("versions", ""), by=by)
                words = _("Decided. It is carried out in a moment.")
        except CannotDecide as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.message_user(request, words, messages.SUCCESS)
        return HttpResponseRedirect(page_of(conflict.pk))

    def _would_mail(self, conflict: Conflict, choice: str) -> Choice | None:
        return next(
            (one for one in conflict_words.choices(conflict) if one.value == choice and one.mails),
            None,
        )

    def _page(
        self, request: HttpRequest, conflict: Conflict, asks: Choice | None = None
    ) -> HttpResponse:
        is_open = conflict.closed_at is None
        return TemplateResponse(
            request,
            "console/calendar/conflict.html",
            {
                **self.admin_site.each_context(request),
                "title": conflict_words.headline(conflict),
                "conflict": conflict,
                "resource": conflict.calendar.resource,
                "sides": conflict_words.sides(conflict),
                "choices": conflict_words.choices(conflict),
                "asks": asks,
                "is_open": is_open,
                "may_act": allows(request, Role.MANAGER) and is_open,
                "is_remembered": conflict.decision in REMEMBERED,
            },
        )

    def _found(self, request: HttpRequest, object_id: str) -> Conflict:
        rows = self.get_queryset(request).select_related(
            "booking__resource", "other", "calendar__resource__location", "decided_by"
        )
        conflict: Conflict = get_object_or_404(
            rows, pk=int(object_id) if object_id.isdigit() else 0
        )
        return conflict

    # --- Permissions: they come and go by themselves ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No form changes one; deciding asks for the role itself."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def page_of(conflict_id: object) -> str:
    return reverse("admin:sync_conflict_change", args=[conflict_id])
