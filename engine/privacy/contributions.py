"""Which rows of a person count, and which units are set aside; both read ids and fresh randomness alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.rows import BoolArray, FrameRows, KeptRows, Rows
from engine.errors import PlanError
from engine.execution import ScratchFolder
from engine.privacy.noise import NoiseSource, uniform_order
from engine.privacy.plan import UnitKind, UnitOfProtection

Words = npt.NDArray[np.uint64]

_PARTITIONS = 64
_PARTITION_BITS = np.uint64(6)
_RECORD = np.dtype([("high", np.uint64), ("low", np.uint64), ("random", np.uint64), ("row", np.int64)])


def bound_contributions(table: pd.DataFrame, unit: UnitOfProtection, noise: NoiseSource) -> pd.DataFrame:
    """Keep at most k random rows per person; rows that name no person are left out.

    Privacy: which rows of a person stay depends on that person's rows and fresh randomness only, so removing a
        person changes nobody else's rows.
    """
    if unit.kind is UnitKind.ROW:
        return table
    owners = table[unit.id_column].astype("string")
    shuffled = owners.iloc[uniform_order(len(owners), noise)].dropna()
    rank = shuffled.groupby(shuffled, sort=False).cumcount()
    kept = rank.index[rank < unit.max_rows_per_unit]
    return table.loc[kept.sort_values()]


def bounded_rows(rows: Rows, unit: UnitOfProtection, noise: NoiseSource, folder: ScratchFolder) -> Rows:
    """The same of rows that are read part by part; the ids' hashes lie on disk meanwhile.

    Args:
        rows: typed private rows.
        unit: whom the guarantee protects.
        noise: where the random order comes from.
        folder: where the hashes may lie.

    Privacy: as `bound_contributions`, unless two persons share a 128-bit hash whose key is drawn for this call,
        which n persons do with a chance below n² / 2¹²⁹.
    """
    if unit.kind is UnitKind.ROW:
        return rows
    if isinstance(rows, FrameRows):
        return FrameRows(bound_contributions(rows.table.reset_index(drop=True), unit, noise))
    hashes = _IdHash(noise)
    files = [folder.open("ids") for _ in range(_PARTITIONS)]
    n_rows = 0
    for owners in _owners(rows, unit):
        records = hashes.records(owners, n_rows, noise)
        n_rows += len(owners)
        partition = (records["high"] >> (np.uint64(64) - _PARTITION_BITS)).astype(np.int64)
        for number in np.unique(partition):
            files[number].write(records[partition == number].tobytes())
    keep = np.zeros(n_rows, dtype=bool)
    for file in files:
        file.seek(0)
        keep[_first_of_each(np.frombuffer(file.read(), dtype=_RECORD), unit.max_rows_per_unit)] = True
        file.close()
    return KeptRows(rows, keep)


def held_out_units(rows: Rows, unit: UnitOfProtection, share: float, noise: NoiseSource) -> BoolArray:
    """Which rows belong to units that are set aside, each unit with chance `share` and independently of the others.

    Args:
        rows: typed private rows.
        unit: whom the guarantee protects; all rows of a person stay together, and so do rows that name nobody.
        share: chance of a unit to be set aside, in [0, 0.5].
        noise: where the randomness comes from.

    Returns:
        Shape (n_rows,).

    Raises:
        PlanError: the share is out of range.

    Privacy: a unit's place depends on fresh randomness only, so neighbours stay neighbours.
    """
    if not 0.0 <= share <= 0.5:
        raise PlanError("the share of rows set aside must be between 0 and 0.5")
    limit = np.uint64(share * 2.0**64)
    hashes = _IdHash(noise)
    parts = [
        (hashes.high(owners) if unit.kind is UnitKind.PERSON else noise.words(len(owners))) < limit
        for owners in _owners(rows, unit)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def unit_numbers(rows: Rows, unit: UnitOfProtection, noise: NoiseSource) -> npt.NDArray[np.int64]:
    """A number per row, the same for all rows of a person, counted from 0 in the order in which persons appear.

    Args:
        rows: typed private rows, each of which names a person.
        unit: whom the guarantee protects.
        noise: where the keys of the hashes come from.

    Returns:
        Shape (n_rows,).
    """
    hashes = _IdHash(noise)
    halves = [np.stack(hashes.both(owners), axis=1) for owners in _owners(rows, unit)]
    if not halves:
        return np.zeros(0, dtype=np.int64)
    numbers = pd.DataFrame(np.concatenate(halves)).groupby([0, 1], sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64)


def _owners(rows: Rows, unit: UnitOfProtection) -> Iterator[pd.Series]:
    """Ids part by part; of single rows any column, for its length."""
    name = unit.id_column or rows.names[0]
    for chunk in rows.chunks([name]):
        yield chunk[name].astype("string") if unit.kind is UnitKind.PERSON else chunk[name]


class _IdHash:
    """SipHash of ids under two secret keys: without them, nobody can tell where an id goes."""

    def __init__(self, noise: NoiseSource) -> None:
        self._keys = tuple(
            "".join(chr(byte & 0x7F) for byte in noise.words(2).tobytes()) for _ in range(2)
        )  # the hash takes its key as 16 characters of ASCII

    def high(self, owners: pd.Series) -> Words:
        """First half of the hash, one for all rows that name nobody."""
        return self._hash(owners.fillna(""), self._keys[0])

    def both(self, owners: pd.Series) -> tuple[Words, Words]:
        """Both halves of the hash of each row's person."""
        return self._hash(owners, self._keys[0]), self._hash(owners, self._keys[1])

    def records(self, owners: pd.Series, first_row: int, noise: NoiseSource) -> npt.NDArray[np.void]:
        """Hash, random word and position of each row that names a person."""
        named = np.flatnonzero(owners.notna().to_numpy())
        known = owners.iloc[named]
        records = np.empty(len(named), dtype=_RECORD)
        records["high"], records["low"] = self.both(known)
        records["random"] = noise.words(len(named))
        records["row"] = first_row + named
        return records

    @staticmethod
    def _hash(owners: pd.Series, key: str) -> Words:
        return pd.util.hash_array(owners.to_numpy(dtype=object), hash_key=key)


def _first_of_each(records: npt.NDArray[np.void], k: int) -> npt.NDArray[np.int64]:
    """Positions of at most k rows per hash, in random order."""
    order = np.lexsort((records["random"], records["low"], records["high"]))
    ordered = records[order]
    is_first = np.ones(len(ordered), dtype=bool)
    is_first[1:] = (ordered["high"][1:] != ordered["high"][:-1]) | (ordered["low"][1:] != ordered["low"][:-1])
    places = np.arange(len(ordered))
    rank = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return np.asarray(ordered["row"][rank < k], dtype=np.int64)
