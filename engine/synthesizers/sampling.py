"""Rows from a calibrated junction tree, from root to leaves, also under conditions on single columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import PlanError
from engine.synthesizers.exchange import Deviations, exchange, is_worthwhile
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.rounding import Codes, random_order, spread
from engine.synthesizers.tables import Columns, Table, conditional

BoolArray = npt.NDArray[np.bool_]

_LARGEST_KEY = 2**16


@dataclass(frozen=True)
class _Stage:
    """What one clique adds to the rows.

    Args:
        known: columns that were drawn before.
        fresh: columns that it draws.
        weights: table over (*known, *fresh); each row of known cells is proportional to P(fresh | known, conditions).
    """

    known: Columns
    fresh: Columns
    weights: Table


class Sampler:
    """Draws rows from a calibrated tree under conditions.

    Args:
        tree: the junction tree.
        sizes: number of cells per column.
        beliefs: calibrated table of each clique, summing to one.
        given: allowed cells of some columns, boolean of shape (size,).
    """

    def __init__(
        self,
        tree: JunctionTree,
        sizes: Sequence[int],
        beliefs: Mapping[int, Table],
        given: Mapping[int, BoolArray],
    ) -> None:
        self._sizes = tuple(sizes)
        self._stages: list[_Stage] = []
        self.log_probability = 0.0
        messages: dict[int, list[Table]] = {}
        for identifier, parent in reversed(tree.order()):
            known = tree.separator(identifier, parent) if parent is not None else frozenset()
            stage = _stage(beliefs[identifier], known, given, messages.pop(identifier, []))
            self._stages.append(stage)
            message = stage.weights.summed_to(known)
            largest = float(message.values.max())
            self.log_probability += math.log(largest) if largest > 0.0 else -math.inf
            if parent is not None and largest > 0.0:
                messages.setdefault(parent, []).append(Table(message.columns, message.values / largest))
        self._stages.reverse()

    def draw(self, n_rows: int, rng: np.random.Generator) -> list[Codes]:
        """Cells of `n_rows` rows, one array of shape (n_rows,) per column, in random order.

        Raises:
            PlanError: no row of the model meets the conditions.
        """
        if self.log_probability == -math.inf:
            raise PlanError("no row of the model meets the conditions: widen them")
        codes = [np.zeros(n_rows, dtype=np.int32) for _ in self._sizes]
        drawn: list[int] = []
        for stage in self._stages:
            self._draw_stage(stage, codes, drawn, rng)
            drawn.extend(stage.fresh)
        shuffle = random_order(n_rows, rng)
        for number, column in enumerate(codes):
            codes[number] = column[shuffle]
        return codes

    def _draw_stage(self, stage: _Stage, codes: list[Codes], drawn: Sequence[int], rng: np.random.Generator) -> None:
        n_groups = math.prod(self._sizes[column] for column in stage.known)
        order = self._row_order(stage, codes, drawn, rng)
        groups = self._combined(stage.known, codes)[order]
        cells = spread(stage.weights.values.reshape(n_groups, -1), groups, rng)
        for column in reversed(stage.fresh):
            codes[column][order] = cells % self._sizes[column]
            cells = cells // self._sizes[column]
        others = tuple(column for column in drawn if column not in stage.known)
        if others and is_worthwhile(len(order), len(codes)):
            groups = self._combined(stage.known, codes)
            deviations = Deviations.measure(codes, self._sizes, groups, stage.weights, stage.known, others)
            exchange(deviations, groups, rng)

    def _row_order(self, stage: _Stage, codes: list[Codes], drawn: Sequence[int], rng: np.random.Generator) -> Codes:
        """Rows by known cells, then by what was drawn last, then at random.

        Cells are dealt evenly along this order, so that they are nearly independent of the other columns given the
        known ones, closer than independent draws are.
        """
        key = self._key(stage, drawn)
        order = random_order(len(codes[0]), rng)
        order = _sorted_by(self._combined(key, codes), self._n_cells(key), order)
        return _sorted_by(self._combined(stage.known, codes), self._n_cells(stage.known), order)

    def _key(self, stage: _Stage, drawn: Sequence[int]) -> list[int]:
        """Columns to order a group's rows by: the last ones drawn, as many as one sort can tell apart."""
        key: list[int] = []
        for column in reversed(drawn):
            if column not in stage.known and self._n_cells([*key, column]) <= _LARGEST_KEY:
                key.append(column)
        return key

    def _combined(self, columns: Sequence[int], codes: list[Codes]) -> Codes:
        """One number per row for its cells of some columns, of which there are less than 2³¹."""
        combined = np.zeros(len(codes[0]), dtype=np.int32)
        for column in columns:
            combined *= self._sizes[column]
            combined += codes[column]
        return combined

    def _n_cells(self, columns: Sequence[int]) -> int:
        return math.prod(self._sizes[column] for column in columns)


def _stage(belief: Table, known: frozenset[int], given: Mapping[int, BoolArray], messages: Sequence[Table]) -> _Stage:
    before = tuple(column for column in belief.columns if column in known)
    fresh = tuple(column for column in belief.columns if column not in known)
    values = conditional(belief, before).values.copy()
    for column in fresh:
        if column in given:
            values *= Table((column,), given[column]).matched_to(belief.columns)
    for message in messages:
        values *= message.matched_to(belief.columns)
    return _Stage(before, fresh, Table(belief.columns, values).arranged((*before, *fresh)))


def _sorted_by(key: Codes, n_keys: int, order: Codes) -> Codes:
    """A stable sort of rows, 16 bits at a time, which NumPy sorts in linear time."""
    for shift in range(0, max(n_keys - 1, 0).bit_length(), 16):
        digits = (key >> shift).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order
