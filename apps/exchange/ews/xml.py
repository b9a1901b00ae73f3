"""The namespaces of EWS, and elements by their short names (`t:ItemId`). Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from lxml import etree

# lxml carries no type information.
Element = Any

NAMESPACES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}
# Exchange writes characters into its XML that XML does not have.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bce]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));", re.IGNORECASE)  # fmt: skip
# The same in what we write, with what UTF-8 cannot carry.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Damaged(ValueError):
    """An answer that is no whole XML document. What it says in part counts for nothing."""


@cache
def tag(short: str) -> str:
    """`t:ItemId` as lxml names it; a path of such names too."""
    return "/".join(
        f"{{{NAMESPACES[prefix]}}}{name}"
        for prefix, name in (step.split(":") for step in short.split("/"))
    )


def make(short: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element with children, text and attributes."""
    element = etree.Element(tag(short), attributes, nsmap={k: NAMESPACES[k] for k in "mt"})
    if text is not None:
        element.text = _UNWRITABLE.sub("", text)
    element.extend(children)
    return element


def text(element: Element, path: str) -> str:
    """The text at a path of short names, without space around it; empty where there is none."""
    return (element.findtext(tag(path)) or "").strip()


def leaves(element: Element) -> dict[str, str]:
    """The texts of all children by their local names: one walk where many are wanted."""
    return {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}


def find(element: Element, path: str) -> Element:
    """The element at a path of short names, or None."""
    return element.find(tag(path))


def every(element: Element, path: str) -> list[Element]:
    return list(element.findall(tag(path)))


def parse(content: bytes) -> Element:
    """A whole document, however odd its characters; entities and outside files are not read.

    Raises:
        Damaged: it is not whole, or no XML at all.
    """
    try:
        return _strict(content)
    except etree.XMLSyntaxError:
        try:
            return _strict(_FORBIDDEN.sub(b"", content))
        except etree.XMLSyntaxError as error:
            raise Damaged(str(error)) from error


def _strict(content: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    return etree.fromstring(content, parser)
