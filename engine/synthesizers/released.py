"""Noisy counts as the mechanisms released them: what answers with an interval are computed from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.synthesizers.graphical_model import Measurement
from engine.synthesizers.marginals import OneWay
from engine.synthesizers.stored_cells import Arrays, StoredArrays, joined, positive


@dataclass(frozen=True)
class ReleasedCounts:
    """All counts of one fit, before any of them was cleared, cut at zero or fitted.

    Args:
        one_ways: of every column, on its own cells.
        joint: of sets of two or three columns, on groups of cells; each set once, repeated ones pooled, with one
            noise variance for all its cells.
    """

    one_ways: tuple[OneWay, ...]
    joint: tuple[Measurement, ...]

    @classmethod
    def of(cls, one_ways: Sequence[OneWay], measurements: Sequence[Measurement]) -> ReleasedCounts:
        """Those of a fit; a model's own counts of single columns are left out, as stretches of them were cleared."""
        return cls(tuple(one_ways), tuple(item for item in measurements if len(item.columns) > 1))

    def to_json(self) -> dict[str, Any]:
        """All but the counts."""
        return {
            "variances": [one_way.variance for one_way in self.one_ways],
            "joint": [{"columns": list(item.columns), "variance": float(item.variance)} for item in self.joint],
        }

    def to_arrays(self) -> Arrays:
        """The counts."""
        return {
            "one_ways": joined(one_way.counts for one_way in self.one_ways),
            "joint": joined(item.counts.ravel() for item in self.joint),
        }

    @classmethod
    def from_json(
        cls, described: dict[str, Any], cells: Sequence[int], groups: Sequence[int], arrays: StoredArrays
    ) -> ReleasedCounts:
        """The counts again.

        Args:
            described: what `to_json` gave.
            cells: number of cells of each column.
            groups: number of groups of each column's cells.
            arrays: where the counts lie.

        Raises:
            ValueError, LookupError, TypeError: they are damaged.
        """
        one_ways = [
            OneWay(arrays.take("one_ways", size), positive(variance))
            for size, variance in zip(cells, described["variances"], strict=True)
        ]
        joint = []
        for item in described["joint"]:
            columns = tuple(int(column) for column in item["columns"])
            shape = [groups[column] for column in columns]
            counts = arrays.take("joint", math.prod(shape)).reshape(shape)
            joint.append(Measurement(columns, counts, np.array(positive(item["variance"]))))
        return cls(tuple(one_ways), tuple(joint))
