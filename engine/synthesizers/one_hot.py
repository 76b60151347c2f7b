"""Rows as the networks of CTGAN and TVAE see them: normalised numbers, then one stretch of ones and zeros per column.

Rows are kept as positions, and made dense one batch at a time: a table of a million rows and 150 places takes 100 MB
instead of 1.2 GB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.errors import PlanError
from engine.synthesizers.modes import Modes, Places, normalise
from engine.synthesizers.plain_columns import Codes, PlainTable

MOST_PLACES = 10_000
"""Places of a row at most; each is a weight per neuron of the networks' first and last layers."""

TEMPERATURE = 0.2
"""Of the Gumbel-softmax that turns a stretch of the generator's output into nearly one category."""

LEAST_UNIFORM = 1e-10


class OneHotRows:
    """The rows of a table, on a device.

    Args:
        table: what the rows hold, at least one row.
        rng: for the normalisation of numbers.
        device: where the rows are kept.

    Raises:
        PlanError: the columns have too many different values.
    """

    def __init__(self, table: PlainTable, rng: np.random.Generator, device: torch.device) -> None:
        found = [normalise(numbers, rng) for numbers in table.numbers.T]
        self.modes: tuple[Modes, ...] = tuple(modes for modes, _, _ in found)
        self.coded_sizes = table.sizes
        self.layout = RowLayout(len(found), (*(modes.size for modes in self.modes), *table.sizes), device)
        codes = np.concatenate([_columns([each for _, _, each in found], table.n_rows), table.codes], axis=1)
        self._places = torch.from_numpy(_columns([each for _, each, _ in found], table.n_rows)).float().to(device)
        self._positions = (torch.from_numpy(codes) + self.layout.starts.cpu()).to(device)

    def __len__(self) -> int:
        return len(self._positions)

    def batch(self, rows: Tensor) -> Tensor:
        """Some rows, shape (n, width)."""
        dense = torch.zeros(len(rows), self.layout.width, device=rows.device)
        dense[:, : self.layout.n_numbers] = self.places(rows)
        return dense.scatter_(1, self.positions(rows), 1.0)

    def places(self, rows: Tensor) -> Tensor:
        """The normalised numbers of some rows, shape (n, n_numbers)."""
        return self._places[rows]

    def positions(self, rows: Tensor) -> Tensor:
        """Where the ones of some rows stand, shape (n, n_stretches)."""
        return self._positions[rows]

    def table(self, places: Places, codes: Codes) -> PlainTable:
        """Drawn rows in the terms of the table.

        Args:
            places: normalised numbers, shape (n, n_numbers).
            codes: position in each stretch, shape (n, n_stretches).
        """
        n_numbers = self.layout.n_numbers
        numbers = [modes.numbers(places[:, at], codes[:, at]) for at, modes in enumerate(self.modes)]
        return PlainTable(codes[:, n_numbers:], self.coded_sizes, _columns(numbers, len(codes)).astype(np.float64))


class RowLayout:
    """Where the parts of a row lie: numbers first, then the stretches of their modes, then those of categories.

    Args:
        n_numbers: number of normalised numbers.
        sizes: length of each stretch.
        device: where the rows are.

    Raises:
        PlanError: a row has too many places.
    """

    def __init__(self, n_numbers: int, sizes: Sequence[int], device: torch.device) -> None:
        self.n_numbers = n_numbers
        self.sizes = tuple(sizes)
        self.width = n_numbers + sum(self.sizes)
        if self.width > MOST_PLACES:
            raise PlanError(
                f"the columns have more than {MOST_PLACES:,} different categories together, too many for this method: "
                "drop or fake columns that name single persons or things, or choose another method"
            )
        ends = n_numbers + np.cumsum([0, *self.sizes])
        self.starts = torch.tensor(ends[:-1], device=device)

    def activate(self, raw: Tensor, generator: torch.Generator) -> Tensor:
        """The generator's output as nearly a row: tanh for numbers, a Gumbel-softmax for each stretch.

        Args:
            raw: shape (n, width).
            generator: draws the Gumbel noise.
        """
        stretches = raw[:, self.n_numbers :]
        uniform = torch.rand(stretches.shape, device=raw.device, generator=generator).clamp_(min=LEAST_UNIFORM)
        logits = (stretches - uniform.log_().neg_().log_()) / TEMPERATURE
        parts = torch.split(logits, list(self.sizes), dim=1)
        return torch.cat([torch.tanh(raw[:, : self.n_numbers]), *(part.softmax(dim=1) for part in parts)], dim=1)

    def codes(self, rows: Tensor) -> Codes:
        """The strongest position of each stretch, shape (n, n_stretches)."""
        return np.stack([part.argmax(dim=1).cpu().numpy() for part in self.stretches(rows)], axis=1)

    def stretches(self, rows: Tensor) -> tuple[Tensor, ...]:
        """The part of each stretch, shape (n, its length)."""
        return torch.split(rows[:, self.n_numbers :], list(self.sizes), dim=1)


def _columns(columns: Sequence[npt.NDArray[Any]], n_rows: int) -> npt.NDArray[Any]:
    return np.stack(columns, axis=1) if columns else np.zeros((n_rows, 0), dtype=np.int64)
