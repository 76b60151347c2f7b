"""The distinguishing game: whole runs on two neighbouring tables, and what two adversaries see of each.

The black-box adversary sees the fitted model and synthetic rows drawn from it. The white-box one sees every number that
leaves the private table too, weighed by `WatchedTable`. Every statistic tends to be larger where the canary is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.audit.neighbours import KNOWN_ROWS, Neighbours
from engine.audit.watched_table import STATISTICS, WatchedTable
from engine.errors import InputError
from engine.privacy.noise import NoiseSource, SecureNoise
from engine.privacy.plan import DEFAULT_DELTA, SynthesisPlan
from engine.privacy.price import PlanPrice, price_plan
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.deep import DeepSynthesizer
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer
from engine.synthesizers.registry import synthesizer_class

FloatArray = npt.NDArray[np.float64]

WHITE_BOX, BLACK_BOX = "white-box", "black-box"
SYNTHETIC_ROWS = 40

SHORTENED: dict[str, int] = {
    "steps": 4,
    "hidden": 4,
    "latent": 2,
    "first_moment_steps": 2,
    "last_moment_steps": 2,
    "latent_points": 20,
    "rehearsal_steps": 2,
    "rehearsal_rows": 40,
    "free_rows": 100,
    "sleep_steps": 1,
}
"""Settings of trainings that hundreds of runs have time for. Nothing of them enters a guarantee but the steps, and from
these and ε the noise of each follows by the same code as in every run."""

BLACK_BOX_STATISTICS = (
    "number of rows that the model stands for",
    "number of cells",
    "rows of the model in the canary's cells",
    "synthetic rows like the canary",
    "cells that synthetic rows share with the canary",
)


ADVERSARIES = {WHITE_BOX: (*STATISTICS, *BLACK_BOX_STATISTICS), BLACK_BOX: BLACK_BOX_STATISTICS}
"""What each adversary may look at."""


@dataclass(frozen=True)
class Observation:
    """What the adversaries see of one run, each a number per statistic."""

    white_box: tuple[float, ...]
    black_box: tuple[float, ...]


@dataclass(frozen=True)
class Game:
    """Runs of one method on a pair of tables, each with a fresh door, budget and noise.

    Args:
        method: name of a registered method with a guarantee.
        neighbours: the pair of tables.
        epsilon: what each run claims.
        delta: what each run claims.
        door: the private table's class.
        synthesizer: the class that is fitted; None for the registered one, with its training shortened.
        noise_of: makes the source of randomness of a run, from the canary's presence and the run's number.
        seed: of what runs draw beside their noise; None for fresh draws.

    Raises:
        PlanError: the method is unknown, has no guarantee, or cannot keep such an ε and δ.
    """

    method: str
    neighbours: Neighbours
    epsilon: float
    delta: float = DEFAULT_DELTA
    door: type[WatchedTable] = WatchedTable
    synthesizer: type[Synthesizer] | None = None
    noise_of: Callable[[bool, int], NoiseSource] = lambda present, run: SecureNoise()
    seed: int | None = None

    @cached_property
    def plan(self) -> SynthesisPlan:
        """The plan of every run."""
        pair = self.neighbours
        return SynthesisPlan(
            schema=pair.schema,
            method=self.method,
            epsilon=self.epsilon,
            delta=self.delta,
            unit=pair.unit,
            declared_rows=KNOWN_ROWS,
        )

    @cached_property
    def price(self) -> PlanPrice:
        """The envelope of every run."""
        return price_plan(self.plan)

    @property
    def mu(self) -> float:
        """What every run is charged as, in Gaussian DP."""
        return math.sqrt(self.price.mu_squared or 0.0)

    def fit(self, present: bool, run: int) -> tuple[WatchedTable, Synthesizer]:
        """The door and the model after one run; raises InputError where its noise could be replayed."""
        noise = self.noise_of(present, run)
        if not noise.secure:
            raise InputError("noise that can be replayed protects nobody, so there is nothing to audit")
        table = self.door(self.neighbours, present, self.plan, self.price.budget(), noise)
        with table:
            model = (self.synthesizer or shortened(self.method))()
            return table, model.fit(table, self.plan, self._rng(present, run, 1))

    def observe(self, present: bool, run: int) -> Observation:
        """What both adversaries see of one run."""
        table, model = self.fit(present, run)
        rows = model.sample(SYNTHETIC_ROWS, self._rng(present, run, 2))
        black_box = black_box_statistics(model, rows, self.neighbours)
        return Observation((*(table.evidence[name] for name in STATISTICS), *black_box), black_box)

    def _rng(self, present: bool, run: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng(None if self.seed is None else [self.seed, purpose, run, present])


def shortened(method: str) -> type[Synthesizer]:
    """The class of a method; one that trains takes few steps with small networks."""
    chosen = synthesizer_class(method)
    if not issubclass(chosen, DeepSynthesizer):
        return chosen
    settings = replace(chosen.settings, **SHORTENED)
    return type(f"Shortened{chosen.__name__}", (chosen,), {"settings": settings, "__doc__": chosen.__doc__})


def what_is_shortened(method: str) -> dict[str, int]:
    """Settings of a method that the audit changes, by name; none where it does not train."""
    return dict(SHORTENED) if issubclass(synthesizer_class(method), DeepSynthesizer) else {}


def black_box_statistics(model: Synthesizer, rows: pd.DataFrame, neighbours: Neighbours) -> tuple[float, ...]:
    """What a model and its rows say of a canary, in the order of `BLACK_BOX_STATISTICS`.

    Args:
        model: a fitted synthesizer.
        rows: synthetic rows of it.
        neighbours: the tables that it may have learned from.
    """
    cells = sum(int(column["cells"]) for column in model.domain_report())
    if isinstance(model, MarginalSynthesizer):
        _, (own, *_) = neighbours.codes(model.domain_)
        expected = _expected_rows(model, own.tolist())
        same = np.stack(model.domain_.encode(rows), axis=1) == own
    else:
        expected, same = 0.0, _same_values(rows, neighbours.canary)
    return model.estimated_rows_, float(cells), expected, float(same.all(axis=1).sum()), float(same.sum())


def _expected_rows(model: MarginalSynthesizer, cells: list[int]) -> float:
    """Rows of the model in the canary's cell of each column, summed over columns."""
    total = 0.0
    for column, (groups, cell) in enumerate(zip(model.groups_, cells, strict=True)):
        group = int(groups.group_of[cell])
        members = groups.weights[groups.group_of == group]
        share = groups.weights[cell] / members.sum() if members.sum() > 0.0 else 1.0 / len(members)
        total += float(model.model_.marginal((column,))[group] * share)
    return total


def _same_values(rows: pd.DataFrame, canary: pd.DataFrame) -> npt.NDArray[Any]:
    """Whether each cell of the rows holds the canary's value, shape (n_rows, n_columns)."""
    return np.stack([(rows[name] == canary[name].iloc[0]).fillna(False).to_numpy(dtype=bool) for name in rows], axis=1)
