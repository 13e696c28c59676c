"""Small typed views of lxml elements, so that the rest of the package can speak of lines, texts and children."""

from collections.abc import Iterator

from lxml import etree


def line(element: etree._Element) -> int:
    """The line of the document on which an element begins; 0 if unknown."""
    number: object = element.sourceline  # the stubs do not know its type
    return number if isinstance(number, int) else 0


def whole_text(element: etree._Element) -> str:
    """All text in an element and in whatever is inside it."""
    return "".join(text for text in element.itertext() if isinstance(text, str))


def local_name(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return etree.QName(element).localname


def namespace(element: etree._Element) -> str:
    """An element's namespace; "" if it has none."""
    return etree.QName(element).namespace or ""


def named(parent: etree._Element, *names: str) -> Iterator[etree._Element]:
    """The children with one of these local names, in any namespace, name by name."""
    return (child for name in names for child in parent.iterchildren(f"{{*}}{name}"))


def any_inside(parent: etree._Element, name: str) -> bool:
    """Whether an element of that local name stands anywhere below."""
    return any(element is not parent for element in parent.iter(f"{{*}}{name}"))
