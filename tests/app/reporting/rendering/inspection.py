"""What a tagged, archivable document has to hold, read from its own objects."""

import re
from io import BytesIO

import pikepdf
from pypdf import PdfReader

STANDARD_TYPES = frozenset(
    (
        *("Document", "Part", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index", "P", "H"),
        *("H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD", "THead", "TBody"),
        *("TFoot", "Span", "Quote", "Note", "Reference", "Code", "Link", "Annot", "Figure", "Formula"),
    )
)
"""Structure types of PDF 1.7 (ISO 32000-1, section 14.8.4)."""

_SHOWS_TEXT = frozenset(("Tj", "TJ", "'", '"'))
_PAINTS = _SHOWS_TEXT | frozenset(("S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "Do", "sh"))


def text_of(document):
    """All words, with single spaces."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages).split())


def attached(document):
    """The bytes of every attachment by its name."""
    with pikepdf.open(BytesIO(document)) as pdf:
        return {name: pdf.attachments[name].get_file().read_bytes() for name in pdf.attachments}


def elements(pdf):
    """Every structure element, in reading order, with its depth."""

    def walk(element, depth):
        if isinstance(element, pikepdf.Dictionary) and "/S" in element:
            yield str(element.S)[1:], element, depth
        children = element.get("/K") if isinstance(element, pikepdf.Dictionary) else None
        for child in children if isinstance(children, pikepdf.Array) else [children]:
            if isinstance(child, pikepdf.Dictionary):
                yield from walk(child, depth + 1)

    return list(walk(pdf.Root.StructTreeRoot, 0))


def headings(pdf):
    """Level and title of every heading."""
    return [(int(name[1:]), str(element.get("/T"))) for name, element, _ in elements(pdf) if re.fullmatch(r"H\d", name)]


def attributes(element):
    """Attributes of a structure element by name, whoever owns them."""
    found = element.get("/A", pikepdf.Array([]))
    parts = found if isinstance(found, pikepdf.Array) else [found]
    return {key: value for part in parts for key, value in part.items()}


def unmarked(page):
    """Painting operators of a page that are neither tagged content nor an artifact."""
    marks, found = [], []
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name in ("BMC", "BDC"):
            is_artifact = str(operands[0]) == "/Artifact"
            has_number = len(operands) > 1 and isinstance(operands[1], pikepdf.Dictionary) and "/MCID" in operands[1]
            marks.append(is_artifact or has_number)
        elif name == "EMC":
            marks.pop()
        elif name in _PAINTS and not any(marks):
            found.append(name)
    return found


def dictionaries(pdf):
    """Every dictionary of the file, streams' ones included."""

    def walk(value, depth=0):
        if isinstance(value, pikepdf.Stream | pikepdf.Dictionary):
            yield value
            for child in value.values():
                if depth < 6 and not (isinstance(child, pikepdf.Object) and child.is_indirect):
                    yield from walk(child, depth + 1)
        elif isinstance(value, pikepdf.Array):
            for child in value:
                if depth < 6 and not (isinstance(child, pikepdf.Object) and child.is_indirect):
                    yield from walk(child, depth + 1)

    for value in pdf.objects:
        yield from walk(value)
