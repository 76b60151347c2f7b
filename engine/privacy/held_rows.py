"""The rows behind the door, as values until they are encoded and as cells after, wherever they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import NUMERIC_TYPES, TableDomain, to_numbers
from engine.data.rows import FrameRows, Rows, SpooledRows
from engine.data.schema import Field
from engine.execution import Execution, ScratchFolder
from engine.privacy.column_blocks import ColumnBlocks
from engine.privacy.contributions import bounded_rows, unit_numbers
from engine.privacy.counting import Columns, Counter, Counts, count_here
from engine.privacy.encoded_rows import EncodedRows, encode_rows
from engine.privacy.noise import IntArray, NoiseSource
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.poisson_samples import SampledRows
from engine.privacy.row_scores import RowScores
from engine.timing import StageClock

if TYPE_CHECKING:
    from engine.privacy.cluster import ClusterCounter

READING, COUNTING = "reading and encoding", "counting"

MEMORY_BYTES = 2**26
"""Rows of one process stay in memory up to this size, and lie in a file above it."""

FloatArray = npt.NDArray[np.float64]


class HeldRows:
    """Private rows and their exact counts. Only `PrivateTable` may hold one.

    Args:
        table: typed private rows, in memory or read part by part.
        fields: columns to model, by name.
        unit: whom the guarantee protects; of a person with more rows than allowed, random ones are kept.
        noise: where the random order of a person's rows comes from.
        execution: where rows may lie and who counts them.
        clock: takes the time that reading and counting need.
    """

    def __init__(
        self,
        table: pd.DataFrame | Rows,
        fields: Mapping[str, Field],
        unit: UnitOfProtection,
        noise: NoiseSource,
        execution: Execution,
        clock: StageClock,
    ) -> None:
        self._fields = fields
        self._unit = unit
        self._noise = noise
        self._clock = clock
        self._execution = execution
        self._cluster: ClusterCounter | None = None
        self._folder = ScratchFolder(execution)
        self._rows: Rows | None = None
        self._spooled: SpooledRows | None = None
        self._numbers: ColumnBlocks | None = None
        self._counts: Counts | None = None
        self.codes: EncodedRows | None = None
        self.units: IntArray | None = None
        try:
            with clock.stage(READING):
                rows = FrameRows(table) if isinstance(table, pd.DataFrame) else table
                self._rows = bounded_rows(rows, unit, noise, self._folder)
        finally:
            if self._rows is None:
                self.close()

    def close(self) -> None:
        """Forget the rows and remove what lies in files; may be called twice."""
        self._rows = self._spooled = self._numbers = self._counts = self.codes = self.units = None
        self._folder.close()
        if self._cluster is not None:
            self._cluster.close()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of cells per column, once encoded."""
        return self._counts.sizes if self._counts is not None else ()

    def values(self, name: str) -> Iterator[pd.Series]:
        """A column of the rows before they are encoded, part by part."""
        with self._clock.stage(READING):
            for chunk in self._rows_for(name).chunks([name]):
                yield chunk[name]

    def table(self) -> pd.DataFrame:
        """The rows before they are encoded, all at once."""
        with self._clock.stage(READING):
            names = list(self._fields)
            chunks = list(self._open().chunks(names))
            return pd.concat(chunks, ignore_index=True) if chunks else pd.DataFrame(columns=names)

    def numbers(self, name: str) -> Iterator[FloatArray]:
        """A numeric column of the rows before they are encoded, part by part, as `to_numbers` gives it.

        Histograms are asked for again and again, so the numbers of rows that come from a file are copied once.
        """
        if isinstance(self._open(), FrameRows):
            yield from (to_numbers(values, self._fields[name].type) for values in self.values(name))
            return
        with self._clock.stage(READING):
            names = [field.name for field in self._fields.values() if field.type in NUMERIC_TYPES]
            self._numbers = self._numbers or self._copy_numbers(names)
            for block in self._numbers.blocks():
                yield block[names.index(name)]

    def encode(self, domain: TableDomain, keep_units: bool = False) -> None:
        """Turn the rows into cells, forget the values, and count every column alone.

        Args:
            domain: cells of each column.
            keep_units: whether to remember which rows are of one unit, so that samples of units can be drawn.
        """
        counter: Counter = count_here
        if self._execution.scheduler:
            from engine.privacy.cluster import ClusterCounter  # most installations have no cluster

            counter = self._cluster = ClusterCounter(self._execution.scheduler)
        with self._clock.stage(READING):
            memory_bytes = -1 if self._execution.scheduler else MEMORY_BYTES
            self.codes = encode_rows(self._open(), domain, self._folder, memory_bytes)
            if keep_units and self._unit.kind is UnitKind.PERSON and self._unit.max_rows_per_unit > 1:
                self.units = unit_numbers(self._open(), self._unit, self._noise)
        self._rows = self._spooled = self._numbers = None
        self._counts = Counts(self.codes, domain.sizes, counter)
        with self._clock.stage(COUNTING):
            for _ in self._counts.each([(column,) for column in range(len(domain.sizes))]):
                pass  # every method asks for them, and one pass counts them all

    def regroup(self, column: int, groups: npt.NDArray[np.int32]) -> None:
        """Put a group in place of each cell of a column."""
        codes, counts = self._encoded()
        if len(groups) == int(groups.max()) + 1 and (groups == np.arange(len(groups))).all():
            return
        with self._clock.stage(READING):
            codes.regroup(column, groups)
        counts.regroup(column, groups)

    def counts_of(self, columns: Columns) -> IntArray:
        """Exact counts of a set of columns, shape (size of each column)."""
        with self._clock.stage(COUNTING):
            return self._encoded()[1].of(columns)

    def samples(self) -> SampledRows:
        """Random samples of the units, once the rows are encoded with `keep_units`."""
        codes, _ = self._encoded()
        if self.units is None and self._unit.max_rows_per_unit > 1:
            raise ValueError("encode the table with its units kept before samples of them are drawn")
        return SampledRows(codes, self.units)

    def distances(
        self, column_sets: Sequence[Columns], estimate_of: Callable[[Columns], npt.NDArray[Any]]
    ) -> FloatArray:
        """L1 distance of each set's exact counts from an estimate, shape (number of sets,)."""
        found = np.empty(len(column_sets))
        with self._clock.stage(COUNTING):
            for number, exact in enumerate(self._encoded()[1].each(column_sets)):
                found[number] = np.abs(exact - estimate_of(column_sets[number])).sum()
        return found

    def scored(self, scores: RowScores, outcome: int) -> IntArray:
        """Exact counts of rows by the cell of their scores and by a column, shape (cells of the scores, its size)."""
        codes, counts = self._encoded()
        size = counts.sizes[outcome]
        found = np.zeros(scores.n_cells * size, dtype=np.int64)
        with self._clock.stage(COUNTING):
            for block in codes.blocks():
                found += np.bincount(scores.cells(block) * size + block[outcome], minlength=found.size)
        return found.reshape(scores.n_cells, size)

    def _copy_numbers(self, names: Sequence[str]) -> ColumnBlocks:
        copy = ColumnBlocks([np.dtype(np.float64)] * len(names), self._folder, MEMORY_BYTES)
        for chunk in self._open().chunks(names):
            if len(chunk):
                copy.append([to_numbers(chunk[name], self._fields[name].type) for name in names])
        return copy

    def _rows_for(self, name: str) -> Rows:
        """The rows to read one column from: a copy of all texts to learn, where reading one costs as much as all."""
        rows = self._open()
        if not rows.rereads_everything:
            return rows
        if self._spooled is None or name not in self._spooled.names:
            opened = [
                field.name
                for field in self._fields.values()
                if field.type not in NUMERIC_TYPES and not field.has_domain
            ]
            names = list(dict.fromkeys([*opened, name]))
            self._spooled = SpooledRows(rows, names, self._folder.open("texts"))
        return self._spooled

    def _open(self) -> Rows:
        if self._rows is None:
            raise ValueError("the values are gone: the rows were encoded or closed before")
        return self._rows

    def _encoded(self) -> tuple[EncodedRows, Counts]:
        if self.codes is None or self._counts is None:
            raise ValueError("encode the table before it is counted, and close it after the last use")
        return self.codes, self._counts
