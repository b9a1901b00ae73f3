"""Check requests and answers against the element orders and types of Microsoft's schema.

The grammar stands in ``grammar/*.txt``: a name at the left margin begins a type (``enum`` and ``list`` begin a
simple one, where "task:*" allows all that begins so), and what is indented is its content, in order::

    FindItem                             a type; "X extends Y" begins with all that Y has
      @Traversal Traversal               an attribute, "?" when it may be missing
      m:ItemShape ItemShape              an element and its type; "?", "*", "+" as in regular expressions
      ( t:FolderId A | t:ItemId B )+     one of several elements

Types that need no entry: string, nonempty, boolean, int, dateTime, date, base64, guid, ``1..512``, and ``any`` for
content that is not looked into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps.sandbox.ews.names import NAMESPACES, short

if TYPE_CHECKING:
    from collections.abc import Callable

Element = Any  # lxml has no types

_PATTERNS = {
    "string": re.compile(r"(?s).*"),
    "nonempty": re.compile(r"(?s).+"),
    "boolean": re.compile(r"\s*(true|false|1|0)\s*"),
    "int": re.compile(r"\s*[+-]?\d+\s*"),
    "dateTime": re.compile(
        r"\s*-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?\s*",
    ),
    "date": re.compile(r"\s*-?\d{4,}-\d\d-\d\d(Z|[+-]\d\d:\d\d)?\s*"),
    "base64": re.compile(r"[A-Za-z0-9+/=\s]*"),
    "guid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
}
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_MANY = 10**9
_COUNTS = {"": (1, 1), "?": (0, 1), "*": (0, _MANY), "+": (1, _MANY)}


class Violation(Exception):
    """What stands in a message does not follow the schema; the sentence names the element."""


@dataclass(frozen=True)
class Particle:
    """One place in a sequence: the elements that may stand there, and how often."""

    elements: dict[str, str]
    least: int
    most: int


@dataclass
class ComplexType:
    """Attributes (name to type and whether it is required) and content in order."""

    attributes: dict[str, tuple[str, bool]] = field(default_factory=dict)
    content: list[Particle] = field(default_factory=list)
    text: str = ""


@dataclass
class Grammar:
    """All types by name; simple ones as a function that tells whether a text fits."""

    complex: dict[str, ComplexType] = field(default_factory=dict)
    simple: dict[str, Callable[[str], bool]] = field(default_factory=dict)


def check_request(envelope: Element) -> None:
    """Raise Violation unless this envelope is a request that a client may send."""
    _check_root(envelope, "RequestEnvelope")


def check_answer(envelope: Element) -> None:
    """Raise Violation unless this envelope is an answer that a server may give."""
    _check_root(envelope, "AnswerEnvelope")


def _check_root(envelope: Element, type_name: str) -> None:
    if short(envelope.tag) != "soap:Envelope":
        raise Violation(f"The element '{short(envelope.tag)}' is not an envelope.")
    _check(envelope, type_name, grammar())


def _check(element: Element, type_name: str, known: Grammar) -> None:
    if type_name == "any":
        return
    declared = known.complex.get(type_name)
    if declared is None:
        _check_text(element, type_name, known)
        return
    _check_attributes(element, declared, known)
    if declared.text:
        _check_text(element, declared.text, known)
        return
    _check_content(element, declared, known)


def _check_text(element: Element, type_name: str, known: Grammar) -> None:
    name = short(element.tag)
    if len(element):
        raise Violation(f"The element '{name}' cannot contain '{short(element[0].tag)}'.")
    text = element.text or ""
    if not _simple(type_name, known)(text):
        raise Violation(f"The '{name}' element is invalid - '{text[:60]}' is no {type_name}.")


def _check_attributes(element: Element, declared: ComplexType, known: Grammar) -> None:
    name = short(element.tag)
    for attribute, value in element.attrib.items():
        if attribute.startswith("{"):  # xsi:type and the like
            continue
        if attribute not in declared.attributes:
            raise Violation(f"The '{attribute}' attribute of '{name}' is not declared.")
        type_name = declared.attributes[attribute][0]
        if not _simple(type_name, known)(value):
            raise Violation(
                f"The '{attribute}' attribute of '{name}' is invalid - '{value[:60]}' is no {type_name}."
            )
    for attribute, (_, required) in declared.attributes.items():
        if required and attribute not in element.attrib:
            raise Violation(f"The required attribute '{attribute}' of '{name}' is missing.")


def _check_content(element: Element, declared: ComplexType, known: Grammar) -> None:
    if (element.text or "").strip():
        raise Violation(f"The element '{short(element.tag)}' cannot contain text.")
    place, count = 0, 0
    for child in element.iterchildren(tag="*"):
        name = short(child.tag)
        while place < len(declared.content):
            particle = declared.content[place]
            if name in particle.elements and count < particle.most:
                break
            if count < particle.least:
                raise _unexpected(element, name, particle)
            place, count = place + 1, 0
        else:
            raise _unexpected(element, name, None)
        count += 1
        _check(child, declared.content[place].elements[name], known)
    for particle in declared.content[place:]:
        if count < particle.least:
            raise Violation(
                f"The element '{short(element.tag)}' has incomplete content. Expected: {_names(particle)}."
            )
        count = 0


def _unexpected(parent: Element, name: str, particle: Particle | None) -> Violation:
    expected = f" Expected: {_names(particle)}." if particle else ""
    return Violation(
        f"The element '{short(parent.tag)}' has invalid child element '{name}'"
        f" (unknown, twice, or out of order).{expected}"
    )


def _names(particle: Particle) -> str:
    return ", ".join(f"'{name}'" for name in particle.elements)


def _simple(type_name: str, known: Grammar) -> Callable[[str], bool]:
    found = known.simple.get(type_name)
    if found is None:
        found = known.simple[type_name] = _built_in(type_name)
    return found


def _built_in(type_name: str) -> Callable[[str], bool]:
    if limits := _RANGE.fullmatch(type_name):
        low, high = int(limits[1]), int(limits[2])
        number = _PATTERNS["int"]
        return lambda text: number.fullmatch(text) is not None and low <= int(text) <= high
    pattern = _PATTERNS[type_name]
    return lambda text: pattern.fullmatch(text) is not None


@cache
def grammar() -> Grammar:
    """Read the grammar's files, once."""
    known = Grammar()
    for path in sorted(Path(__file__).with_name("grammar").glob("*.txt")):
        _read(path.read_text(encoding="utf-8"), known)
    _check_references(known)
    return known


def _read(text: str, known: Grammar) -> None:
    current = ComplexType()
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if line.startswith("  "):
            _read_content(words, current)
        elif words[0] in {"enum", "list"}:
            known.simple[words[1]] = _enumeration(words[0], frozenset(words[3:]))
        else:
            current = known.complex[words[0]] = ComplexType()
            if words[1:]:
                base = known.complex[words[2]]
                current.attributes.update(base.attributes)
                current.content.extend(base.content)


def _enumeration(kind: str, values: frozenset[str]) -> Callable[[str], bool]:
    if kind == "list":
        return lambda text: bool(text.split()) and values.issuperset(text.split())
    beginnings = tuple(value[:-1] for value in values if value.endswith("*"))
    return lambda text: text in values or (bool(beginnings) and text.startswith(beginnings))


def _read_content(words: list[str], current: ComplexType) -> None:
    if words[0] == "text":
        current.text = words[1]
    elif words[0].startswith("@"):
        name = words[0][1:]
        current.attributes[name.rstrip("?")] = (words[1], not name.endswith("?"))
    elif words[0] == "(":
        inner = words[1:-1]
        elements = dict(zip(inner[::3], inner[1::3], strict=True))
        current.content.append(Particle(elements, *_COUNTS[words[-1][1:]]))
    else:
        name = words[0].rstrip("?*+")
        current.content.append(Particle({name: words[1]}, *_COUNTS[words[0][len(name) :]]))


def _check_references(known: Grammar) -> None:
    """A grammar that names a type or a prefix which does not exist is a slip of ours: say so at once."""
    for owner, declared in known.complex.items():
        names = [type_name for type_name, _ in declared.attributes.values()]
        for particle in declared.content:
            names += particle.elements.values()
            for element in particle.elements:
                prefix, colon, _ = element.partition(":")
                if colon and prefix not in NAMESPACES:
                    raise ValueError(f"{owner}: no namespace has the prefix of {element}")
        for name in names:
            if name != "any" and name not in known.complex:
                try:
                    _simple(name, known)
                except KeyError:
                    raise ValueError(f"{owner}: there is no type {name}") from None
