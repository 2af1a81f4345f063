"""Reading XML that may come from anybody: no entities, no network, no DTD, no floods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree

from skerry.errors import BadDefinition, BadInput

MOST_XML = 1024**2  # characters; libvirt's own largest definitions are a tenth of it


def parse(text: str) -> etree._Element:
    """The root element.

    Raises:
        BadDefinition: not well-formed, too large, or with a document type of its own.
    """
    if len(text) > MOST_XML:
        raise BadDefinition(f"the definition is longer than {MOST_XML} characters")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, strip_cdata=False)
    try:
        root = etree.fromstring(text.strip().encode(), parser)
    except etree.XMLSyntaxError as exc:
        raise BadDefinition(f"the definition is not well-formed XML: {exc.msg}") from exc
    except ValueError as exc:  # such as a NUL character
        raise BadDefinition(f"the definition is not well-formed XML: {exc}") from exc
    if getattr(root.getroottree().docinfo, "doctype", ""):
        raise BadDefinition("the definition has a document type (<!DOCTYPE …>)", hint="remove that line")
    return root


def parse_domain(text: str) -> etree._Element:
    """The root of a machine's definition.

    Raises:
        BadDefinition: also where the root is no `<domain>`.
    """
    root = parse(text)
    if root.tag != "domain":
        raise BadDefinition(
            f"the definition's root is <{etree.QName(root).localname}>, not <domain>",
            hint="`skerry vm xml NAME` shows what a machine's definition looks like",
        )
    return root


def write(root: etree._Element) -> str:
    """The element as text, as it was read where it was not changed."""
    return etree.tostring(root, encoding="unicode")


def canonical(text: str) -> bytes:
    """The same bytes for definitions that differ in blanks, quotes and the order of attributes only."""
    plain: str = etree.canonicalize(text, strip_text=True)
    return plain.encode()


def element(tag: str, *content: etree._Element | str, **attributes: str) -> etree._Element:
    """A new element with children or a text."""
    made = etree.Element(tag)
    for part in content:
        if isinstance(part, str):
            set_text(made, part)
        else:
            made.append(part)
    for name, value in attributes.items():
        with _as_bad_input(value):
            made.set(name, value)
    return made


def set_text(target: etree._Element, text: str) -> None:
    """Put a text into an element.

    Raises:
        BadInput: it holds characters that XML cannot.
    """
    with _as_bad_input(text):
        target.text = text


@contextmanager
def _as_bad_input(text: str) -> Iterator[None]:
    try:
        yield
    except ValueError as exc:
        raise BadInput(f"{text[:40]!r} holds characters that a definition cannot") from exc
