"""A deed is a method and what it is drawn from; a rule of the machine does one of many.

Rules are chosen alike, so that with a rule a deed the engine would hardly ever run in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

Method = TypeVar("Method", bound=Callable[..., None])


def deed(**drawn: st.SearchStrategy[Any]) -> Callable[[Method], Method]:
    def mark(method: Method) -> Method:
        method.drawn = drawn  # type: ignore[attr-defined]
        return method

    return mark


def do_one(machine: object, kind: type, data: st.DataObject) -> None:
    """One of the deeds that this class adds."""
    names = sorted(name for name, method in vars(kind).items() if hasattr(method, "drawn"))
    name = data.draw(st.sampled_from(names), label="deed")
    method = getattr(machine, name)
    method(**{key: data.draw(value, label=key) for key, value in method.drawn.items()})
