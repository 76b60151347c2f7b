"""A document as data: sections of blocks, which every format renders alike.

A block holds plain text. No format reads it as markup, so a column's name can neither style a page nor run code in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Who answers for a statement."""

    COMPUTED = "computed"
    DECLARED = "declared"
    OPEN = "to be completed"


@dataclass(frozen=True)
class Statement:
    """One named fact.

    Args:
        name: what it is about.
        value: the fact in words; "not provided" where it is missing, never a default.
        status: who answers for it.
        by: who declared it, or who has to complete it; empty where it is computed.
        source: JSON pointers (RFC 6901) into the evidence of everything that the value was made of.
    """

    name: str
    value: str
    status: Status
    by: str = ""
    source: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The status in words, such as `declared by ada`."""
        return f"{self.status} by {self.by}" if self.by else str(self.status)


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Note:
    """Text that stands apart.

    Args:
        text: what it says.
        is_warning: whether a reader who passes over it could come to harm.
    """

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Statements:
    """Facts with their status, one below the other."""

    rows: tuple[Statement, ...]


@dataclass(frozen=True)
class Bullets:
    """A list without order."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Commands or digests, as they are typed."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under a header.

    Args:
        caption: what the rows are; also what assistive technology announces.
        header: one title per column.
        rows: texts, as many per row as the header has.
        widths: relative width per column.
        source: JSON pointer of what the rows list.
        further_sources: pointers of what else the cells were made of.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    source: str
    further_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bars:
    """Horizontal bars.

    Args:
        labels: one per bar, from top to bottom.
        values: lengths.
        texts: what stands at the end of each bar.
        axis: title of the axis, with its unit.
        limit: value of a line across all bars, such as a cap; None draws none.
        limit_label: what the line is.
    """

    labels: tuple[str, ...]
    values: tuple[float, ...]
    texts: tuple[str, ...]
    axis: str
    limit: float | None = None
    limit_label: str = ""


@dataclass(frozen=True)
class Intervals:
    """Points with intervals, one line each.

    Args:
        labels: one per line, from top to bottom.
        values: the points; None where only the interval is known.
        lows: lower ends.
        highs: upper ends.
        axis: title of the axis, with its unit.
        references: a second mark per line, such as what real rows give; None where there is none.
        reference_label: what these marks are.
    """

    labels: tuple[str, ...]
    values: tuple[float | None, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    axis: str
    references: tuple[float | None, ...] = ()
    reference_label: str = ""


@dataclass(frozen=True)
class Lines:
    """Curves over a common axis.

    Args:
        x: places on the horizontal axis.
        series: name and heights of each curve.
        x_axis: title of the horizontal axis, with its unit.
        y_axis: title of the vertical axis, with its unit.
        log_x: whether the horizontal axis is logarithmic.
    """

    x: tuple[float, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    x_axis: str
    y_axis: str
    log_x: bool = False


Chart = Bars | Intervals | Lines


@dataclass(frozen=True)
class Figure:
    """A drawing.

    Args:
        name: unique in its document, of letters, digits and hyphens.
        caption: what it shows.
        alt: all that it says, for those who do not see it.
        chart: what to draw.
        source: JSON pointer of the numbers.
    """

    name: str
    caption: str
    alt: str
    chart: Chart
    source: str


@dataclass(frozen=True)
class SignatureLine:
    """A place for a person's decision.

    Args:
        role: who signs, such as `Data owner`.
        fields: what they fill in, such as name, date and decision; a value where it was declared before.
    """

    role: str
    fields: tuple[Statement, ...]


Block = (
    Heading | Paragraph | Note | Statements | Bullets | Code | Table | Figure | SignatureLine
)  # every renderer handles each


@dataclass(frozen=True)
class Section:
    """One numbered section.

    Args:
        number: as printed, such as `3` or `10.2`.
        title: its heading.
        blocks: what it holds.
    """

    number: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A whole document.

    Args:
        title: its title.
        subject: what it is about, such as the dataset's name.
        banner: what stands on every page, such as that it is a draft; empty where nothing does.
        is_alarm: whether the banner warns of harm.
        preface: the sentence under the title that says what the document is.
        cover: the facts of the first page.
        sections: what follows, in order.
        document_id: UUID, printed on every page.
        code: text of the code to scan on the cover; empty where there is none.
    """

    title: str
    subject: str
    banner: str
    is_alarm: bool
    preface: str
    cover: tuple[Statement, ...]
    sections: tuple[Section, ...]
    document_id: str
    code: str = ""
