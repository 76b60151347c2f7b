"""Finds what a report prints that does not come from where it says.

Each value of the evidence is changed in turn, and the report is built again. What then changes must name that value as
its source, what names it must change, and every number printed must give way to some change of its sources.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from app.reporting.document import Figure, Report, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import NOT_PROVIDED

Build = Callable[[Evidence], Report]

NUMBER = re.compile(r"\d(?:[\d.,]*\d)?(?:e[−-]?\d+)?")
FORM = ("/certificate/guarantee", "/document/edition", "/document/status", "/evidence_version")
"""Leaves that decide which document is made, and so may change anything."""

REPLACEMENTS = ("other words", 77.5, True, ["other words"], {"purpose": "other words"}, None)
"""What is put in place of a value that no other change made a difference of."""

ALTERNATIVES = {
    "differential privacy": "none",
    "row": "person",
    "committed": "released",
    "synthesize": "drop",
    "draft": "final",
    "open": "closed",
}
"""Words of the evidence that stand for one choice among few, with another one."""

NO_CHOICES: Mapping[str, frozenset[str]] = {}


@dataclass
class Printed:
    """One printed thing: what it says in parts, and what it says it was made of."""

    sources: tuple[str, ...]
    parts: tuple[str, ...]


@dataclass
class Followed:
    """What became of one printed thing under all changes.

    Args:
        printed: what it says.
        changed_by: pointers of the values that change it.
        given_way: per part and pointer, how often each number went away.
    """

    printed: Printed
    changed_by: set[str] = field(default_factory=set)
    given_way: list[dict[str, Counter]] = field(default_factory=list)


def untraced(
    build: Build,
    evidence: Evidence,
    skipped: tuple[str, ...] = (),
    chosen: Mapping[str, frozenset[str]] = NO_CHOICES,
) -> list[str]:
    """What is wrong, one sentence each; empty where every statement, table and figure is traced.

    Args:
        build: makes the report.
        evidence: what from.
        skipped: pointers under which nothing is changed.
        chosen: by section and name, numbers that the report chooses itself, such as examples to reckon with.
    """
    before = printed_things(build(evidence))
    followed = {key: Followed(printed, given_way=[{} for _ in printed.parts]) for key, printed in before.items()}
    for pointer, report in _changed_reports(build, evidence, skipped):
        for key, now in printed_things(report).items():
            if key in followed and now.parts != followed[key].printed.parts:
                _note(followed[key], now, pointer)
    return [
        problem
        for key, thing in followed.items()
        for problem in _problems(key, thing, chosen.get(f"{key[0]} {key[1]}", frozenset()))
        if not (problem.missing and _appears(key, thing.printed, build, evidence, problem.missing))
    ]


class Problem(str):
    """A sentence, and the source that made no difference, where that is what is wrong."""

    missing: str = ""


def printed_things(report: Report) -> dict[tuple[str, str, int], Printed]:
    """All statements, tables and figures by section, name and number among those of one name."""
    seen: Counter = Counter()
    found: dict[tuple[str, str, int], Printed] = {}
    for section, name, printed in _things(report):
        found[section, name, seen[section, name]] = printed
        seen[section, name] += 1
    return found


def _things(report: Report) -> Iterator[tuple[str, str, Printed]]:
    for said in report.cover:
        yield "cover", said.name, Printed(said.source, (said.value,))
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Statements):
                for said in block.rows:
                    yield section.number, said.name, Printed(said.source, (said.value,))
            elif isinstance(block, Table):
                cells = tuple(cell for row in block.rows for cell in row)
                yield (
                    section.number,
                    f"table of {', '.join(block.header)}",
                    Printed((block.source, *block.further_sources), cells),
                )
            elif isinstance(block, Figure):
                yield section.number, f"figure {block.name}", Printed((block.source,), (block.alt, repr(block.chart)))


def _note(thing: Followed, now: Printed, pointer: str) -> None:
    thing.changed_by.add(pointer)
    if not _is_under(pointer, thing.printed.sources):
        return
    for index, part in enumerate(thing.printed.parts):
        after = numbers(now.parts[index]) if index < len(now.parts) else Counter()
        if gone := numbers(part) - after:
            thing.given_way[index][pointer] = thing.given_way[index].get(pointer, Counter()) | gone


@cache
def numbers(text: str) -> Counter:
    """How often each number stands in a text."""
    return Counter(NUMBER.findall(text))


def _problems(key: tuple[str, str, int], thing: Followed, chosen: frozenset[str]) -> Iterator[Problem]:
    name, sources = f"{key[0]} {key[1]}", thing.printed.sources
    if not sources:
        yield Problem(f"{name}: names no source")
        return
    for pointer in sorted(thing.changed_by):
        is_named = _is_under(pointer, sources) or any(_is_under(source, (pointer,)) for source in sources)
        if not is_named and pointer not in FORM:
            yield Problem(f"{name}: changes with {pointer}, which it does not name")
    for source in sources:
        if not any(_is_under(pointer, (source,)) for pointer in thing.changed_by):
            problem = Problem(f"{name}: does not change with {source}")
            problem.missing = source
            yield problem
    for part, given_way in zip(thing.printed.parts, thing.given_way, strict=True):
        gone = sum(given_way.values(), Counter())
        fixed = [found for found, times in numbers(part).items() if gone[found] < times and found not in chosen]
        if fixed and part != NOT_PROVIDED:
            yield Problem(f"{name}: {sorted(fixed)} in {part[:80]!r} come from nowhere")


def _appears(key: tuple[str, str, int], before: Printed, build: Build, evidence: Evidence, source: str) -> bool:
    """Whether something printed changes once something else lies at its source, or nothing at all."""
    for replacement in REPLACEMENTS:
        other = printed_things(build(with_value(evidence, source, replacement))).get(key)
        if other is None or other.parts != before.parts:
            return True
    return False


def _is_under(pointer: str, sources: tuple[str, ...]) -> bool:
    return any(pointer == source or pointer.startswith(source + "/") for source in sources)


def _changed_reports(build: Build, evidence: Evidence, skipped: tuple[str, ...]) -> Iterator[tuple[str, Report]]:
    for pointer, value in list(values(evidence.json)):
        if not _is_under(pointer, skipped):
            for other in others(value):
                yield pointer, build(with_value(evidence, pointer, other))


def values(value: object, pointer: str = "") -> Iterator[tuple[str, object]]:
    """Pointer and value of every list and of everything that holds nothing else."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        place = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if item is not None and not isinstance(item, dict):
            yield place, item
        yield from values(item, place)


def others(value: object) -> tuple[object, ...]:
    """Other values of the same kind: far enough to be printed otherwise, and in another band of size."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value * 3 + 7, 0) if value else (7,)
    if isinstance(value, float):
        return (value * 1.37 + 0.0113, value * 33.0 + 0.5, value * 0.031)
    if isinstance(value, list):
        return (value + value, []) if value else (["other words"],)
    return (ALTERNATIVES.get(str(value), "other words"), "other words")[: 2 if value in ALTERNATIVES else 1]


def with_value(evidence: Evidence, pointer: str, value: object) -> Evidence:
    """The evidence with another value at one place; what does not hold that place is shared."""
    return Evidence(_replaced(evidence.json, pointer.split("/")[1:], value))


def _replaced(whole: object, tokens: list[str], value: object) -> object:
    if not tokens:
        return value
    key, rest = tokens[0].replace("~1", "/").replace("~0", "~"), tokens[1:]
    if isinstance(whole, list) and key.isdigit():
        items = [*whole, *([None] * (int(key) + 1 - len(whole)))]
        items[int(key)] = _replaced(items[int(key)], rest, value)
        return items
    members = dict(whole) if isinstance(whole, dict) else {}
    return members | {key: _replaced(members.get(key), rest, value)}
