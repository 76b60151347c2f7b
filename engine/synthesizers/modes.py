"""Mode-specific normalisation of numbers, as CTGAN and TVAE want them: a component of a mixture, and a place in it.

The mixtures are the ctgan library's own. Its transformer chooses the component of each row in a loop over the rows;
here all rows are chosen at once, with the same chances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.synthesizers.plain_columns import Codes, FloatArray

FIT_ROWS = 50_000
"""A mixture is fitted to so many random rows at most."""

SPREAD = 4.0
"""Standard deviations of a component that one unit of the normalised number stands for."""

EDGE = 0.99
"""Normalised numbers are cut off here."""

_LEAST_CHANCE = 1e-6
_CHUNK_ROWS = 2**17

Places = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Modes:
    """The components of one column of numbers.

    Args:
        means: shape (n_modes,).
        deviations: shape (n_modes,).
    """

    means: FloatArray
    deviations: FloatArray

    @property
    def size(self) -> int:
        """Number of components."""
        return len(self.means)

    def places(self, numbers: FloatArray, components: Codes) -> Places:
        """Where numbers lie in their components, within -EDGE and EDGE."""
        apart = (numbers - self.means[components]) / (SPREAD * self.deviations[components])
        return np.clip(apart, -EDGE, EDGE).astype(np.float32)

    def numbers(self, places: npt.NDArray[np.floating], components: Codes) -> FloatArray:
        """The numbers at places in components."""
        inside = np.clip(places.astype(np.float64), -1.0, 1.0)
        return np.asarray(inside * SPREAD * self.deviations[components] + self.means[components])


def normalise(numbers: FloatArray, rng: np.random.Generator) -> tuple[Modes, Places, Codes]:
    """Fit the library's mixture to a column of numbers, and draw a component for each number by its responsibility.

    Args:
        numbers: shape (n_rows,), at least one.
        rng: draws the components, and chooses the rows that are fitted where there are more than `FIT_ROWS`.

    Returns:
        The components; the place of each number in its own, and which that is, each shape (n_rows,).
    """
    chosen = numbers if len(numbers) <= FIT_ROWS else rng.choice(numbers, FIT_ROWS, replace=False)
    if np.ptp(chosen) == 0.0:
        modes, components = Modes(chosen[:1].copy(), np.ones(1)), np.zeros(len(numbers), dtype=np.int64)
        return modes, modes.places(numbers, components), components
    mixture, kept = _fitted_mixture(chosen)
    modes = Modes(mixture.means_.reshape(-1)[kept], np.sqrt(mixture.covariances_).reshape(-1)[kept])
    components = np.empty(len(numbers), dtype=np.int64)
    for start in range(0, len(numbers), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        chances = np.cumsum(mixture.predict_proba(numbers[part, None])[:, kept] + _LEAST_CHANCE, axis=1)
        drawn = rng.random(len(chances)) * chances[:, -1]
        components[part] = np.minimum((drawn[:, None] >= chances).sum(axis=1), modes.size - 1)
    return modes, modes.places(numbers, components), components


def _fitted_mixture(numbers: FloatArray) -> tuple[Any, npt.NDArray[np.bool_]]:
    """The mixture as the library fits it, and which of its components it keeps."""
    from ctgan.data_transformer import DataTransformer  # its package loads torch

    transformer = DataTransformer()
    transformer.fit(pd.DataFrame({"numbers": numbers}))
    fitted = transformer._column_transform_info_list[0].transform
    return fitted._bgm_transformer, fitted.valid_component_indicator
