"""Fields of the account pages, in the admin's look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.forms import CheckboxInput
from unfold.widgets import CHECKBOX_CLASSES, INPUT_CLASSES

if TYPE_CHECKING:
    from django.forms import BoundField
    from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def as_in_admin(field: BoundField) -> SafeString:
    """The field's widget with the theme's classes."""
    is_checkbox = isinstance(field.field.widget, CheckboxInput)
    classes = CHECKBOX_CLASSES if is_checkbox else INPUT_CLASSES
    return field.as_widget(attrs={"class": " ".join(classes)})
