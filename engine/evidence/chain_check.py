"""Whether an audit log's chain is whole, and if not, at which entries.

What is found and how it is told apart:

| what was done | what is found |
|---|---|
| a part of an entry altered | its seal does not fit what it says |
| an entry altered and sealed anew | the next entry, or the head, continues from another seal |
| an entry taken out | its number is missing |
| the last entries taken out | the head counts more entries than there are |
| two entries exchanged | each fits the other's number |
| an entry put in | the entry that was written with its number stands elsewhere, or the head does not count it |
| a name or address erased | no break where a later entry tells of the erasure, one where none does |
| the head altered | it is not the seal of the entry that it counts as the last |
| all entries from one on sealed anew | an earlier head, kept elsewhere, is not among the seals |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.errors import InputError
from engine.evidence.chain import ERASURE, GENESIS, Head, SealedEntry, UnreadableEntry, seal

LONGEST_SHOWN = 40
_PLAIN_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")

MOST_BREAKS = 200
"""So many are named; of a log that was altered at more places, the first ones say enough."""


class BreakKind(StrEnum):
    """What is wrong at a place."""

    ALTERED = "altered"
    REPLACED = "replaced"
    INSERTED = "inserted"
    MISSING = "missing"
    OUT_OF_ORDER = "out of order"
    TAIL_CUT = "tail cut off"
    ERASED = "erased"
    HEAD = "head"
    REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Break:
    """A place where the chain does not hold.

    Args:
        sequence: number of the entry, or the first one of several that are missing.
        entry_id: its id; of a missing entry nothing tells it.
        kind: what is wrong.
        sentence: the same in words.
    """

    sequence: int
    entry_id: str | None
    kind: BreakKind
    sentence: str


@dataclass(frozen=True)
class ChainCheck:
    """What the check of a log found.

    Args:
        entries: how many entries were read.
        erased: entries whose name and address were erased, which is no break where an entry tells of it.
        head: where the log says that it ends; None where it does not say so.
        breaks: at most `MOST_BREAKS`, in the order of their numbers; empty where the chain is whole.
        n_breaks: how many there are in all.
    """

    entries: int
    erased: int
    head: Head | None
    breaks: tuple[Break, ...]
    n_breaks: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.n_breaks == 0


def check_chain(
    entries: Iterable[SealedEntry | UnreadableEntry], head: Head | None, *, earlier: Iterable[Head] = ()
) -> ChainCheck:
    """Check a log from its first entry to its head.

    Args:
        entries: all entries, in the order in which they stand in the log.
        head: where the log says that it ends; None where that is lost.
        earlier: heads of the same log that were kept elsewhere.
    """
    walk = _Walk(head, earlier)
    for entry in entries:
        walk.take(entry)
    return walk.finish()


@dataclass(frozen=True)
class _Place:
    """A number and the id that stands there."""

    sequence: int
    id: str

    def __str__(self) -> str:
        return f"Entry {self.sequence} (id {self.shown_id})" if self.id else f"Entry {self.sequence}"

    @property
    def shown_id(self) -> str:
        """The id, or what it begins with, without what a terminal or a page would take for a command."""
        return self.id if _PLAIN_ID.fullmatch(self.id) else ascii(self.id[:LONGEST_SHOWN])


class _Walk:
    """One pass over the entries; only what does not fit is kept."""

    def __init__(self, head: Head | None, earlier: Iterable[Head]) -> None:
        self._head = head
        self._earlier = {known.entries: known.hash for known in earlier}
        self._entries = self._erased = self._n_breaks = 0
        self._breaks: list[Break] = []
        self._misfits: list[SealedEntry] = []
        self._gaps: list[tuple[int, int]] = []
        self._followed_by_another: dict[int, _Place] = {}
        self._last = _Place(0, "")
        self._last_hash: str | None = GENESIS
        self._last_fits = True
        self._beyond_head: list[_Place] = []
        self._untold_erasures: dict[str | None, _Place] = {}

    def take(self, entry: SealedEntry | UnreadableEntry) -> None:
        """Look at the next entry."""
        self._entries += 1
        if isinstance(entry, UnreadableEntry):
            place = _Place(self._last.sequence + 1 if entry.sequence is None else entry.sequence, entry.id or "")
            self._note(place, BreakKind.ALTERED, f"{place} cannot be read: {entry.reason}.")
            if self._advances(place):
                self._move_to(place, None, fits=False)
            return
        place = _Place(entry.record.sequence, entry.record.id)
        self._look_for_erasure(place, entry)
        follows = place.sequence == self._last.sequence + 1
        advances = self._advances(place)
        fits = self._check_itself(place, entry, self._last_hash if follows else None)
        if follows and fits and self._last_hash not in (None, entry.previous_hash):
            self._other_predecessor(place)
        if advances:
            self._check_heads(place, entry)
            self._move_to(place, entry.hash, fits=fits)

    def finish(self) -> ChainCheck:
        """What was found, with what shows only at the end."""
        self._place_misfits()
        for first, last in self._gaps:
            self._note_gap(first, last)
        for place in self._untold_erasures.values():
            said = f"{place} has no user name and address any more, but no later entry tells of an erasure."
            self._note(place, BreakKind.ERASED, said)
        self._check_end()
        named = sorted(self._breaks, key=lambda found: (found.sequence, found.kind))
        return ChainCheck(self._entries, self._erased, self._head, tuple(named), self._n_breaks)

    def _look_for_erasure(self, place: _Place, entry: SealedEntry) -> None:
        """Keep the first erased entry of each user until an entry tells of the erasure."""
        if entry.record.action == ERASURE:
            self._untold_erasures.pop(entry.record.object_id, None)
        if entry.person.is_erased:
            self._erased += 1
            self._untold_erasures.setdefault(entry.record.user_id, place)

    def _advances(self, place: _Place) -> bool:
        """Whether an entry stands after all those before; otherwise it is named."""
        expected = self._last.sequence + 1
        if place.sequence > expected:
            self._gaps.append((expected, place.sequence - 1))
        if place.sequence >= expected:
            return True
        if self._fill_gap(place.sequence):
            self._note(place, BreakKind.OUT_OF_ORDER, f"{place} stands after entry {self._last.sequence}.")
        else:
            said = "there is another entry with this number" if place.sequence > 0 else "no entry has such a number"
            self._note(place, BreakKind.INSERTED, f"{place} was put in: {said}.")
        return False

    def _fill_gap(self, sequence: int) -> bool:
        for position, (first, last) in enumerate(self._gaps):
            if first <= sequence <= last:
                rest = ((first, sequence - 1), (sequence + 1, last))
                self._gaps[position : position + 1] = [gap for gap in rest if gap[0] <= gap[1]]
                return True
        return False

    def _move_to(self, place: _Place, hash_: str | None, *, fits: bool) -> None:
        self._last, self._last_hash, self._last_fits = place, hash_, fits

    def _check_itself(self, place: _Place, entry: SealedEntry, expected: str | None) -> bool:
        """Whether an entry's seal and digest fit what it says; where not, it is named, at once or at the end."""
        fits = True
        if not entry.person.is_erased and entry.person.digest() != entry.record.person_digest:
            self._note(place, BreakKind.ALTERED, f"{place} was altered: its user name or address is another one.")
            fits = False
        if _seal(entry.previous_hash, entry) == entry.hash:
            return fits
        if expected is not None and entry.previous_hash != expected and _seal(expected, entry) == entry.hash:
            self._note(place, BreakKind.ALTERED, f"{place} was altered: it states another seal of the entry before.")
            return False
        if expected is not None and entry.previous_hash != expected and self._last_fits:
            self._followed_by_another[self._last.sequence] = self._last
        if len(self._misfits) < MOST_BREAKS:
            self._misfits.append(entry)
        else:
            self._n_breaks += 1
        return False

    def _other_predecessor(self, place: _Place) -> None:
        """An entry that fits in itself continues from another seal than that of the entry before."""
        if self._last.sequence == 0:
            said = f"{place} was replaced: it does not begin the chain."
            self._note(place, BreakKind.REPLACED, said)
        elif self._last_fits:
            said = f"{self._last} was replaced, or altered and sealed anew: entry {place.sequence} continues another."
            self._note(self._last, BreakKind.REPLACED, said)

    def _check_heads(self, place: _Place, entry: SealedEntry) -> None:
        if self._earlier.get(place.sequence, entry.hash) != entry.hash:
            said = f"{place} is not the one that an earlier head of this log ends with: it, or one before, is another."
            self._note(place, BreakKind.REWRITTEN, said)
        if self._head is None:
            return
        if place.sequence == self._head.entries and entry.hash != self._head.hash:
            said = f"{place} is not the one that the head ends with: it was replaced, or the head was altered."
            self._note(place, BreakKind.HEAD, said)
        elif place.sequence > self._head.entries:
            self._beyond_head = [*self._beyond_head[:1], place]

    def _place_misfits(self) -> None:
        """Tell entries that were moved from those that were altered."""
        numbers = {entry.record.sequence for entry in self._misfits}
        numbers |= {first for first, _ in self._gaps[:MOST_BREAKS]}
        for entry in self._misfits:
            place = _Place(entry.record.sequence, entry.record.id)
            near = (place.sequence - 1, place.sequence + 1)
            written = next((number for number in (*near, *sorted(numbers)) if _fits_as(entry, number)), None)
            if written is None:
                said = f"{place} was altered after it was written."
                self._note(place, BreakKind.ALTERED, said)
                continue
            said = f"{place} was moved: it was written as entry {written}."
            self._note(place, BreakKind.OUT_OF_ORDER, said)
            if (stranger := self._followed_by_another.pop(written, None)) is not None:
                said = f"{stranger} was put in: it stands where the entry with id {place.shown_id} was written."
                self._note(stranger, BreakKind.INSERTED, said)

    def _note_gap(self, first: int, last: int) -> None:
        said = f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."
        self._note(_Place(first, ""), BreakKind.MISSING, said)

    def _check_end(self) -> None:
        last = self._last.sequence
        for entries in sorted(entries for entries in self._earlier if entries > last):
            said = f"An earlier head of this log counts {entries} entries, but the last one here is {last}."
            self._note(_Place(last + 1, ""), BreakKind.TAIL_CUT, said)
        if self._head is None:
            self._note(_Place(last + 1, ""), BreakKind.HEAD, "The head of the log is missing.")
            return
        if self._head.entries > last:
            said = f"The head counts {self._head.entries} entries, but the last one is {last}: the others were cut off."
            self._note(_Place(last + 1, ""), BreakKind.TAIL_CUT, said)
        elif self._beyond_head:
            first, final = self._beyond_head[0], self._beyond_head[-1]
            until = f", and all up to entry {final.sequence}," if final != first else ""
            said = f"{first}{until} is not counted by the head: it was put in, or the head was altered."
            self._note(first, BreakKind.INSERTED, said)
        if self._head.entries < 1 and (self._head.entries, self._head.hash) != (0, GENESIS):
            self._note(_Place(0, ""), BreakKind.HEAD, "The head of the log is not one that this program writes.")

    def _note(self, place: _Place, kind: BreakKind, sentence: str) -> None:
        self._n_breaks += 1
        if len(self._breaks) < MOST_BREAKS:
            self._breaks.append(Break(place.sequence, place.shown_id if place.id else None, kind, sentence))


def _seal(previous_hash: str, entry: SealedEntry) -> str | None:
    """The seal that an entry should have; None where what it says has none."""
    try:
        return seal(previous_hash, entry.record)
    except (InputError, RecursionError):
        return None


def _fits_as(entry: SealedEntry, sequence: int) -> bool:
    """Whether an entry's seal fits it with another number."""
    moved = replace(entry, record=replace(entry.record, sequence=sequence))
    return _seal(entry.previous_hash, moved) == entry.hash
