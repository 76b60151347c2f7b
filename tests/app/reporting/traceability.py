"""Finds what a report prints that does not come from where it says.

Each value of the evidence is changed in turn, and the report is built again. What then changes must name that value as
its source, what names it must change, and every number printed must give way to some change of its sources.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from app.errors import AppError
from app.reporting.document import Figure, Report, Statements, Table
from app.reporting.evidence import Evidence
from app.reporting.printable import NOT_PROVIDED
from engine.errors import EngineError

Build = Callable[[Evidence], Report]
Key = tuple[str, str, tuple[str, ...], int]
"""Section, name, sources, and number among those that share all of these."""

NAMES = re.compile(r"SHA-256|\bsections? \d+(?:\.\d+)?(?:(?:, | and )\d+(?:\.\d+)?)*")
"""Numbers that are names: of an algorithm, and of the report's own sections."""

NUMBER = re.compile(r"\d(?:[\d.,]*\d)?(?:e[−-]?\d+)?")
FORM = ("/certificate/guarantee", "/document/edition", "/document/status", "/evidence_version")
"""Values that decide which document is made, and so may change anything."""

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

MOST_CHANGES = 3
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
        chosen: numbers that the report chooses itself.
        changed_by: pointers of the values that change it.
        given_way: per part and pointer, how often each number went away.
    """

    printed: Printed
    chosen: frozenset[str]
    changed_by: set[str] = field(default_factory=set)
    given_way: list[dict[str, Counter]] = field(default_factory=list)

    def note(self, now: Printed, pointer: str) -> None:
        """Take down what a change of one value did."""
        if now.parts == self.printed.parts:
            return
        self.changed_by.add(pointer)
        if not is_under(pointer, self.printed.sources):
            return
        for index, part in enumerate(self.printed.parts):
            after = numbers(now.parts[index]) if index < len(now.parts) else Counter()
            if gone := numbers(part) - after:
                self.given_way[index][pointer] = self.given_way[index].get(pointer, Counter()) | gone

    def idle_sources(self) -> list[str]:
        """Sources of which no change made a difference."""
        return [
            source
            for source in self.printed.sources
            if not any(is_under(pointer, (source,)) for pointer in self.changed_by)
        ]

    def hidden_sources(self) -> list[str]:
        """Values that made a difference and are not named."""
        named = self.printed.sources
        return sorted(
            pointer
            for pointer in self.changed_by.difference(FORM)
            if not is_under(pointer, named) and not any(is_under(source, (pointer,)) for source in named)
        )

    def fixed_numbers(self) -> list[tuple[str, list[str]]]:
        """Parts with numbers that gave way to no change."""
        found = []
        for part, given_way in zip(self.printed.parts, self.given_way, strict=True):
            gone = sum(given_way.values(), Counter())
            fixed = sorted(number for number, times in numbers(part).items() if gone[number] < times)
            fixed = [number for number in fixed if number not in self.chosen]
            if fixed and part != NOT_PROVIDED:
                found.append((part, fixed))
        return found


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
        skipped: pointers under which nothing is changed; what is made of them alone is not judged.
        chosen: by section and name, numbers that the report chooses itself, such as examples to reckon with.
    """
    followed = {
        key: Followed(printed, chosen.get(f"{key[0]} {key[1]}", frozenset()), given_way=[{} for _ in printed.parts])
        for key, printed in printed_things(build(evidence)).items()
    }
    places = [(pointer, value) for pointer, value in values(evidence.json) if not is_under(pointer, skipped)]
    for attempt in range(MOST_CHANGES):
        unclear = () if attempt == 0 else _sources_of_unclear(followed)
        for pointer, value in places:
            if len(others(value)) > attempt and (attempt == 0 or is_under(pointer, unclear)):
                _compare(followed, build, with_value(evidence, pointer, others(value)[attempt]), pointer)
    judged = {key: thing for key, thing in followed.items() if not _is_skipped(thing, skipped)}
    return [problem for key, thing in judged.items() for problem in _problems(key, thing, build, evidence)]


def _is_skipped(thing: Followed, skipped: tuple[str, ...]) -> bool:
    """Whether a thing names sources, and all of them are left as they are."""
    sources = thing.printed.sources
    return bool(sources) and all(is_under(source, skipped) for source in sources)


def _sources_of_unclear(followed: Mapping[Key, Followed]) -> tuple[str, ...]:
    """Sources of what did not change as it should, so that further changes of them may still show that it does."""
    unclear = [thing for thing in followed.values() if thing.idle_sources() or thing.fixed_numbers()]
    return tuple({source for thing in unclear for source in thing.printed.sources})


def _compare(followed: Mapping[Key, Followed], build: Build, other: Evidence, pointer: str) -> None:
    if report := _built(build, other):
        for key, now in printed_things(report).items():
            if key in followed:
                followed[key].note(now, pointer)


def _problems(key: Key, thing: Followed, build: Build, evidence: Evidence) -> Iterator[str]:
    name = f"{key[0]} {key[1]}"
    if not thing.printed.sources:
        yield f"{name}: names no source"
        return
    for pointer in thing.hidden_sources():
        yield f"{name}: changes with {pointer}, which it does not name"
    for source in thing.idle_sources():
        if not _appears(key, thing.printed, build, evidence, source):
            yield f"{name}: does not change with {source}"
    for part, fixed in thing.fixed_numbers():
        yield f"{name}: {fixed} in {part[:80]!r} come from nowhere"


def _appears(key: Key, before: Printed, build: Build, evidence: Evidence, source: str) -> bool:
    """Whether something printed changes once something else lies at its source, or nothing at all."""
    for replacement in REPLACEMENTS:
        report = _built(build, with_value(evidence, source, replacement))
        other = printed_things(report).get(key) if report else before
        if other is None or other.parts != before.parts:
            return True
    return False


def _built(build: Build, evidence: Evidence) -> Report | None:
    """The report; None where the change makes evidence that no report can be made of."""
    try:
        return build(evidence)
    except (AppError, EngineError, LookupError, TypeError, ValueError, AttributeError):
        return None


def printed_things(report: Report) -> dict[Key, Printed]:
    """All statements, tables and figures."""
    seen: Counter = Counter()
    found: dict[Key, Printed] = {}
    for section, name, printed in _things(report):
        kind = (section, name, printed.sources)
        found[*kind, seen[kind]] = printed
        seen[kind] += 1
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


@cache
def numbers(text: str) -> Counter:
    """How often each number stands in a text."""
    return Counter(NUMBER.findall(NAMES.sub("", text)))


def is_under(pointer: str, places: tuple[str, ...]) -> bool:
    """Whether a pointer is one of some places, or lies in one."""
    return any(pointer == place or pointer.startswith(place + "/") for place in places)


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
    return (ALTERNATIVES[str(value)], "other words") if value in ALTERNATIVES else ("other words",)


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
