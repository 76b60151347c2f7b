"""Which sets of columns a synthetic table should get right, and how much each of them counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from engine.privacy.plan import SynthesisPlan
from engine.synthesizers.junction_tree import JunctionTree
from engine.synthesizers.uncertainty import NOISE_MEAN

Columns = tuple[int, ...]

EMPHASIS = 2.0
"""How much more a relation of the target or of an important column counts than any other."""

MOST_TRIPLES = 400
"""Triples that one choice looks at; where there are more, a public random part of them."""

LARGEST_NOISE = 0.25
"""A triple is no candidate where the noise of measuring it would exceed this share of all rows."""


@dataclass(frozen=True)
class Workload:
    """All pairs and triples of columns, some of them emphasised.

    Args:
        sizes: number of cells per column.
        emphasised: positions of the columns whose relations count more.
    """

    sizes: tuple[int, ...]
    emphasised: frozenset[int] = frozenset()

    @classmethod
    def of(cls, plan: SynthesisPlan, sizes: Sequence[int]) -> Workload:
        """The workload that a plan asks for; it reads no rows."""
        names = plan.synthesized_names()
        wanted = {plan.target, *plan.important}
        return cls(tuple(sizes), frozenset(position for position, name in enumerate(names) if name in wanted))

    def weight(self, columns: Columns) -> float:
        """How much a set of columns counts."""
        return EMPHASIS if self.emphasised.intersection(columns) else 1.0

    def pairs(self) -> list[Columns]:
        """Every pair of columns."""
        return list(combinations(range(len(self.sizes)), 2))

    def triples(self, most_cells: float, round_number: int) -> list[Columns]:
        """Triples of columns with few cells: all of them, or a random part that depends on the round alone.

        Args:
            most_cells: cells above which a triple is left out.
            round_number: which part, where there are too many.
        """
        triples, cells = _all_triples(self.sizes)
        found = triples[cells <= most_cells]
        if len(found) > MOST_TRIPLES:
            picked = np.random.default_rng(round_number).choice(len(found), MOST_TRIPLES, replace=False)
            found = found[np.sort(picked)]
        return [tuple(columns) for columns in found.tolist()]

    def candidates(
        self, tree: JunctionTree, noise_scale: float, total: float, most_cells: float, round_number: int
    ) -> list[Columns]:
        """Sets that the model may take in now; at least the cheapest pair.

        Args:
            tree: the model's junction tree.
            noise_scale: standard deviation of the noise that measuring would add per cell, in rows.
            total: noisy number of rows.
            most_cells: cells that the model's cliques may have together.
            round_number: number of the round.
        """
        pairs = self.pairs()
        triples = self.triples(LARGEST_NOISE * total / (NOISE_MEAN * noise_scale), round_number)
        fitting = [columns for columns in (*pairs, *triples) if tree.plan(columns).cells <= most_cells]
        return fitting or [min(pairs, key=lambda pair: tree.plan(pair).cells)]


@lru_cache(maxsize=1)
def _all_triples(sizes: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Every triple of columns, shape (n_triples, 3), and its cells; every round asks for them."""
    triples = np.array(list(combinations(range(len(sizes)), 3)), dtype=np.int64).reshape(-1, 3)
    return triples, np.asarray(sizes, dtype=np.float64)[triples].prod(axis=1)
