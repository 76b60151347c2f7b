"""The private rows of a run in two parts: to learn from, and to compare with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from app.services.results import RunWork
from engine.data.ingest import IngestLimits
from engine.data.rows import BoolArray, FrameRows, KeptRows, Rows, open_rows
from engine.privacy.contributions import held_out_units
from engine.privacy.noise import KeyedNoise

COMPARED_ROWS = 500_000
"""Rows of each part of a large file that the internal report compares with: a uniform random choice of them."""


@dataclass(frozen=True)
class ComparedTables:
    """Typed private rows for the internal report.

    Args:
        train: rows that the synthesis read.
        holdout: rows that it did not, or None where none were set aside.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame | None


@dataclass(frozen=True)
class RunTables:
    """A run's private rows.

    Args:
        rows: all of them.
        held_out: which are set aside, shape (n_rows,).
        choice_seed: decides the rows to compare with; a report that is made again compares with the same.
    """

    rows: Rows
    held_out: BoolArray
    choice_seed: int = 0

    @property
    def train(self) -> Rows:
        """Rows to learn from."""
        return KeptRows(self.rows, ~self.held_out)

    @property
    def holdout(self) -> Rows | None:
        """Rows that nobody learns from; None where none are set aside."""
        return KeptRows(self.rows, self.held_out) if self.held_out.any() else None

    def for_comparison(self) -> ComparedTables:
        """The rows to compare with: all of a table in memory, and at most `COMPARED_ROWS` of each part of a file."""
        holdout = self._frame(self.held_out) if self.held_out.any() else None
        return ComparedTables(self._frame(~self.held_out), holdout)

    def _frame(self, keep: BoolArray) -> pd.DataFrame:
        if isinstance(self.rows, FrameRows):
            return self.rows.table.loc[keep].reset_index(drop=True)
        chosen = KeptRows(self.rows, _some_of(keep, COMPARED_ROWS, self.choice_seed))
        return pd.concat(list(chosen.chunks(self.rows.names)), ignore_index=True)


def read_tables(path: Path, work: RunWork, limits: IngestLimits) -> RunTables:
    """A run's private rows, typed, with units set aside at random. The file must stay while they are used.

    The choice follows from the run's secret key, so every attempt learns from the same rows.

    Args:
        path: the stored file.
        work: the run.
        limits: how large a file may be.

    Raises:
        InputError: the file cannot be read.

    Privacy: the caller has committed the run's charge.
    """
    rows = open_rows(path, work.plan.schema, filename=work.dataset.filename, limits=limits)
    held_out = held_out_units(rows, work.plan.unit, work.holdout_share, KeyedNoise(work.holdout_key))
    return RunTables(rows, held_out, _choice_seed(work.holdout_key))


def _choice_seed(key: bytes) -> int:
    """A seed that follows from the run's secret, and does not tell it."""
    return int.from_bytes(hashlib.sha256(b"rows to compare with" + key).digest()[:16])


def _some_of(keep: BoolArray, at_most: int, seed: int) -> BoolArray:
    """A uniform random choice of the rows that are kept."""
    positions = np.flatnonzero(keep)
    if len(positions) <= at_most:
        return keep
    chosen = np.zeros(len(keep), dtype=bool)
    chosen[np.random.default_rng(seed).choice(positions, at_most, replace=False)] = True
    return chosen
