"""The form of an event, as HTML: every field with a visible label, and what is wrong beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sandbox.pages.fields import ENDS, REPEATS, SHOW_AS, WHICH_DAY, Entries, entered
from apps.sandbox.pages.html import Child, Html, h, join
from apps.sandbox.recurrence import ORDER, WEEK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.store import Mailbox

GROUP_NAMES = {"Day": "Day", "Weekday": "Working day", "WeekendDay": "Weekend day"}


class Form:
    """Builds fields of one form from entries and what was wrong with them."""

    def __init__(self, entries: Entries, wrong: Mapping[str, str]) -> None:
        self.entries, self.wrong = entries, wrong

    def text(
        self,
        name: str,
        label: str,
        *,
        type_: str = "text",
        size: str = "",
        hint: str = "",
        **more: str | bool,
    ) -> Html:
        """A field of one line."""
        control = h(
            "input",
            type=type_,
            id=name,
            name=name,
            value=entered(self.entries, name),
            **self._state(name, hint),
            **more,
        )
        return self._field(name, label, control, size, hint)

    def choice(self, name: str, label: str, options: Mapping[str, str], *, size: str = "") -> Html:
        """A list of which one is chosen."""
        chosen = entered(self.entries, name)
        listed = [
            h("option", text, value=value, selected=value == chosen)
            for value, text in options.items()
        ]
        control = h("select", *listed, id=name, name=name, **self._state(name, ""))
        return self._field(name, label, control, size, "")

    def tick(self, name: str, label: str) -> Html:
        """A box to tick."""
        box = h("input", type="checkbox", id=name, name=name, checked=bool(self.entries.get(name)))
        return h("span", box, h("label", label, for_=name), class_="check")

    def ticks(self, name: str, legend: str, options: Mapping[str, str], *, size: str = "") -> Html:
        """Several boxes of one name."""
        chosen = set(self.entries.get(name, []))
        boxes = [
            h(
                "span",
                h(
                    "input",
                    type="checkbox",
                    id=f"{name}-{value}",
                    name=name,
                    value=value,
                    checked=value in chosen,
                ),
                h("label", text, for_=f"{name}-{value}"),
                class_="check",
            )
            for value, text in options.items()
        ]
        inside = h(
            "fieldset", h("legend", legend), h("div", *boxes, class_="checks"), self._sorry(name)
        )
        return h("div", inside, class_=f"field {size}".strip())

    def long_text(self, name: str, label: str) -> Html:
        """A field of several lines."""
        text = (self.entries.get(name) or [""])[0]
        return self._field(name, label, h("textarea", "\n" + text, id=name, name=name), "", "")

    def _field(self, name: str, label: str, control: Html, size: str, hint: str) -> Html:
        help_ = h("p", hint, class_="hint", id=f"{name}-hint") if hint else None
        return h(
            "div",
            h("label", label, for_=name),
            control,
            help_,
            self._sorry(name),
            class_=f"field {size}".strip(),
        )

    def _sorry(self, name: str) -> Html | None:
        if name not in self.wrong:
            return None
        return h("p", self.wrong[name], class_="wrong", id=f"{name}-wrong")

    def _state(self, name: str, hint: str) -> dict[str, str | None]:
        described = [f"{name}-hint"] if hint else []
        described += [f"{name}-wrong"] if name in self.wrong else []
        return {
            "aria_invalid": "true" if name in self.wrong else None,
            "aria_describedby": " ".join(described) or None,
        }


def event_fields(
    form: Form, mailbox: Mailbox, *, rule: bool, invited: Mapping[str, Mapping[str, str]]
) -> Html:
    """Give the fields of an event: with a rule where it may repeat, with whom to invite in a person's calendar."""
    return h(
        "div",
        form.text("subject", "Subject", required=True, autocomplete="off"),
        form.text("date", "Date", type_="date", size="third", required=True),
        form.text("from", "From", type_="time", size="third clock", hint=mailbox.time_zone),
        form.text("to", "To", type_="time", size="third clock"),
        h(
            "div",
            h(
                "div",
                form.tick("all_day", "All day"),
                form.tick("private", "Private"),
                class_="checks",
            ),
            class_="field half flags",
        ),
        form.text("last_day", "Last day, if another", type_="date", size="half"),
        form.choice("show_as", "Show as", SHOW_AS, size="half"),
        form.text("location", "Location", size="half", autocomplete="off"),
        _rule(form) if rule else None,
        [form.ticks("invited", legend, people) for legend, people in invited.items() if people],
        form.long_text("notes", "Notes"),
        class_="fields",
    )


def problems(wrong: Mapping[str, str]) -> Html | None:
    """Say at the top what is wrong; each line leads to its field."""
    if not wrong:
        return None
    lines: list[Child] = [
        h("li", h("a", text, href=f"#{name}") if name else text) for name, text in wrong.items()
    ]
    return h(
        "div",
        h("p", "This was not saved yet:"),
        h("ul", *lines),
        class_="message bad",
        role="alert",
    )


def _rule(form: Form) -> Html:
    days = {one: GROUP_NAMES.get(one, one) for one in WHICH_DAY}
    every = "third only for-daily for-weekly for-absolutemonthly for-relativemonthly"
    weekday = "third only for-relativemonthly for-relativeyearly"
    return join(
        form.choice("repeats", "Repeats", REPEATS, size="half"),
        h("div", class_="field half"),
        form.text("every", "Every how many", type_="number", size=every, min="1", max="999"),
        form.choice("order", "Which", {one: one for one in ORDER}, size=weekday),
        form.choice("weekday", "Weekday", days, size=weekday),
        form.ticks("days", "On", {one: one for one in WEEK}, size="only for-weekly"),
        form.choice("ends", "Ends", ENDS, size=f"third only {_ALL}"),
        form.text("until", "Until", type_="date", size="third only for-until"),
        form.text(
            "times",
            "How many times",
            type_="number",
            size="third only for-times",
            min="1",
            max="999",
        ),
    )


_ALL = "for-daily for-weekly for-absolutemonthly for-relativemonthly for-absoluteyearly for-relativeyearly"
