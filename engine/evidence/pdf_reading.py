"""What a PDF of unknown origin holds, read with limits and without carrying anything out.

Refused are an encrypted PDF, since nobody could say what its signature covers; one with actions, which this program
never writes; and one with two attachments of one name, of which two readers might show different ones.
"""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError

LARGEST_PDF = 64 << 20
LARGEST_ATTACHMENT = 32 << 20
MOST_OBJECTS = 100_000

logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # a strange file is told to whoever gave it, not to the log

UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    OSError,
    zlib.error,
)
"""What reading a damaged PDF or a damaged signature may raise, besides the library's own errors."""

_ACTIONS = {
    "/JS": "JavaScript",
    "/JavaScript": "JavaScript",
    "/AA": "actions that a viewer carries out by itself",
    "/XFA": "a form that a viewer computes",
    "/RichMedia": "media that a viewer plays",
}
_ACTION_TYPES = {"/Launch": "an action that starts a program", "/SubmitForm": "a form that is sent"}


@dataclass(frozen=True)
class PdfContents:
    """What was read.

    Args:
        content: the whole file.
        reader: pyHanko's reader of it.
        attachments: attached files by name; None for one that cannot be decompressed.
        metadata: the XMP packet; empty where there is none, or it is damaged.
    """

    content: bytes
    reader: Any
    attachments: Mapping[str, bytes | None]
    metadata: str


def read_pdf(content: bytes) -> PdfContents:
    """Read a PDF.

    Args:
        content: the whole file.

    Raises:
        InputError: it is no PDF, too large, damaged, encrypted, or holds what is refused.
    """
    from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget, StreamDecodeLimits
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader

    if not content.startswith(b"%PDF-"):
        raise InputError("this is not a PDF: it does not begin as one")
    if len(content) > LARGEST_PDF:
        raise InputError(f"the PDF is larger than {LARGEST_PDF >> 20} MiB, which no report of this program is")
    try:
        limits = DecodeLimits(
            per_stream=StreamDecodeLimits(max_output_size=LARGEST_ATTACHMENT),
            document_budget=DocumentDecodeBudget(base_allowance=4 * LARGEST_ATTACHMENT, max_ratio=4),
        )
        reader = PdfFileReader(io.BytesIO(content), decode_limits=limits)
        if reader.encrypted:
            raise InputError("the PDF is encrypted: give the file as it was issued")
        objects = list(_dictionaries(reader))
        _refuse_actions(objects)
        return PdfContents(content, reader, _attachments(objects), _metadata(reader))
    except (PdfError, *UNREADABLE):
        raise InputError(
            "the structure of the PDF is damaged (its objects, cross-references or trailer), so that nothing in it "
            "can be checked"
        ) from None


def _dictionaries(reader: Any) -> Iterator[Any]:
    """All dictionaries and streams that can be reached."""
    from pyhanko.pdf_utils import generic

    seen: set[tuple[int, int]] = set()
    waiting: list[Any] = [reader.trailer.raw_get("/Root")]
    if "/Info" in reader.trailer:
        waiting.append(reader.trailer.raw_get("/Info"))
    while waiting:
        value = waiting.pop()
        if isinstance(value, generic.IndirectObject):
            name = (value.idnum, value.generation)
            if name in seen:
                continue
            seen.add(name)
            if len(seen) > MOST_OBJECTS:
                raise InputError("the PDF has more objects than any report of this program")
            value = _resolved(value)
        if isinstance(value, generic.DictionaryObject):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, generic.ArrayObject):
            waiting.extend(value)


def _resolved(reference: Any) -> Any:
    return reference.get_object()


def _refuse_actions(objects: list[Any]) -> None:
    for value in objects:
        found = [what for key, what in _ACTIONS.items() if key in value]
        kind = value.get("/S") if "/S" in value else None
        if isinstance(kind, str):
            found += [what for key, what in {**_ACTIONS, **_ACTION_TYPES}.items() if kind == key]
        if found:
            raise InputError(f"the PDF holds {found[0]}, which no report of this program does")


def _attachments(objects: list[Any]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for value in objects:
        if "/EF" not in value:
            continue
        name = str(value["/UF"] if "/UF" in value else value["/F"])
        if name in found:
            raise InputError(f"the PDF holds several attachments named {name!r}, so it is not clear which one counts")
        files = value["/EF"]
        found[name] = _decoded(files["/UF"] if "/UF" in files else files["/F"])
    return found


def _decoded(stream: Any) -> bytes | None:
    from pyhanko.pdf_utils.misc import PdfError

    try:
        content: bytes = stream.data
    except (PdfError, *UNREADABLE):
        return None
    return content


def _metadata(reader: Any) -> str:
    content = _decoded(reader.root["/Metadata"]) if "/Metadata" in reader.root else None
    return (content or b"").decode("utf-8", errors="replace")
