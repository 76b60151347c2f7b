"""A drawing as part of a web page whose security policy allows no style attributes.

A stand-alone SVG file carries styles in attributes, and identifiers that occur in every file of the same program.
Inside a page, the first are refused by the policy, and the second would make one drawing use the shapes of another.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_SHAPES = frozenset(
    {"svg", "g", "defs", "path", "line", "rect", "circle", "ellipse", "polyline", "polygon", "text", "tspan", "use"}
    | {"clipPath", "pattern", "marker", "symbol"}
)
"""Elements that are drawn; all others, such as metadata and styles, are left out."""

_REFERENCE = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")

INHERITED = {"stroke-linejoin": "round", "stroke-linecap": "butt"}
"""What the drawing's own style sheet says of all its shapes."""


def inline_svg(drawing: bytes, *, alt: str, prefix: str) -> str:
    """An SVG file as an element of a web page.

    Args:
        drawing: the file, made by this program.
        alt: what it shows, for assistive technology.
        prefix: unique in the page; identifiers of the drawing begin with it.
    """
    root = ET.fromstring(drawing)
    _strip(root)
    for element in root.iter():
        element.attrib = _attributes(element, prefix)
    width, height = root.attrib.pop("width", ""), root.attrib.pop("height", "")
    if "viewBox" not in root.attrib:
        root.attrib["viewBox"] = f"0 0 {_number(width)} {_number(height)}"
    root.attrib |= INHERITED | {"role": "img", "aria-label": alt}
    root.tail = None
    return ET.tostring(root, encoding="unicode")


def _strip(element: ET.Element) -> None:
    """Remove what is not drawn, and the name spaces, which a web page does not need."""
    element.tag = _local(element.tag)
    for child in list(element):
        if isinstance(child.tag, str) and _local(child.tag) in _SHAPES:
            _strip(child)
        else:
            element.remove(child)


def _attributes(element: ET.Element, prefix: str) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in element.attrib.items():
        local = _local(name)
        if local == "style":
            kept |= _declarations(value)
        elif local == "id":
            kept["id"] = f"{prefix}-{value}"
        elif local == "href":
            if value.startswith("#"):
                kept["href"] = f"#{prefix}-{value[1:]}"
        elif not local.startswith("on"):
            kept[local] = value
    return {
        name: _REFERENCE.sub(lambda match: f"url(#{prefix}-{match.group(1)})", value) for name, value in kept.items()
    }


def _declarations(style: str) -> dict[str, str]:
    """The declarations of a style as presentation attributes.

    Source: W3C, Scalable Vector Graphics (SVG) 2, section 6.6.
    """
    parts = (declaration.partition(":") for declaration in style.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts if value.strip()}


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _number(length: str) -> str:
    return re.sub("[a-z%]+$", "", length) or "0"
