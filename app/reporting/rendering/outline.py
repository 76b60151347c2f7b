"""Which sections lie inside which, and the names that links go to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.reporting.document import Report, Section

TOP_LEVEL = 2
"""Level of a section's heading: the title of the document has level 1."""


@dataclass(frozen=True)
class Entry:
    """A section in its place.

    Args:
        section: the section.
        level: of its heading.
        anchor: unique in the document; letters, digits and hyphens.
    """

    section: Section
    level: int
    anchor: str

    @property
    def heading(self) -> str:
        """The heading, with its number where it has one."""
        return f"{self.section.number} {self.section.title}".strip()


def outline(report: Report) -> tuple[Entry, ...]:
    """The sections in order; `10.2` lies below `10` where there is a section `10`, and beside all others if not."""
    numbers = {section.number for section in report.sections}
    entries: list[Entry] = []
    for place, section in enumerate(report.sections, start=1):
        level = TOP_LEVEL + sum(parent in numbers for parent in _parents(section.number))
        name = re.sub("[^a-z0-9]+", "-", section.number.lower()).strip("-")
        taken = {entry.anchor for entry in entries}
        anchor = f"section-{name}" if name and f"section-{name}" not in taken else f"section-at-{place}"
        entries.append(Entry(section, level, anchor))
    return tuple(entries)


def _parents(number: str) -> list[str]:
    parts = number.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]
