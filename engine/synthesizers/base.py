"""What every synthesizer is: fitted once through the door of a private table, sampled as often as one likes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from engine.checkpoints import Checkpoints
from engine.errors import AlreadyFittedError, NotFittedError
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, no_progress


@dataclass(frozen=True)
class BudgetShare:
    """One part of a run's privacy loss.

    Args:
        name: stable name of the part.
        title: what it pays for, in words.
        share: part of μ², in [0, 1].
        n_queries: mechanisms that divide it equally.
    """

    name: str
    title: str
    share: float
    n_queries: int


class Synthesizer(ABC):
    """Base of all synthesizers. The constructor takes nothing: a plan holds every choice.

    `device` says where a model is fitted: `cpu`, `cuda`, or `auto` for whichever suits its size. `checkpoints` is where
    a training by steps keeps what it needs to go on; None keeps nothing.
    """

    minimum_columns: ClassVar[int] = 1
    maximum_columns: ClassVar[int | None] = None
    prefers_gpu: ClassVar[bool] = False
    """Whether a GPU makes the method faster on tables of every size."""
    device: str = "auto"
    checkpoints: Checkpoints | None = None

    def __init__(self) -> None:
        self._fitted = False
        self.estimated_rows_ = 0.0

    @classmethod
    @abstractmethod
    def budget_split(cls, plan: SynthesisPlan) -> tuple[BudgetShare, ...]:
        """How a run divides its μ²; it reads no rows, and the shares sum to one."""

    @classmethod
    def training_delta(cls, plan: SynthesisPlan) -> float:
        """Part of the plan's δ that a training by noisy gradients sets aside; none where a method does not train."""
        return 0.0

    @classmethod
    def training_steps(cls, plan: SynthesisPlan) -> int:
        """Steps of a training by noisy gradients, as checkpoints count them; none where a method does not train."""
        return 0

    @classmethod
    @abstractmethod
    def parameters(cls, plan: SynthesisPlan) -> dict[str, Any]:
        """The method's settings, for the certificate; none of them depends on rows."""

    def fit(
        self,
        table: PrivateTable,
        plan: SynthesisPlan,
        rng: np.random.Generator,
        progress: Progress = no_progress,
    ) -> Synthesizer:
        """Learn from private rows, within the table's budget.

        Args:
            table: the private rows behind their door.
            plan: what to do.
            rng: generator for post-processing; noise never comes from it.
            progress: called after each step; it may raise to stop the work.

        Raises:
            AlreadyFittedError: this object was fitted before.
            BudgetExceededError: the envelope does not hold a charge.

        Privacy: everything learned is charged to `table.budget`.
        """
        if self._fitted:
            raise AlreadyFittedError("a synthesizer is fitted once: make a new one, with its own charge")
        self._fitted = True
        self._fit(table, plan, rng, progress)
        return self

    def sample(self, n_rows: int, rng: np.random.Generator, given: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Synthetic rows: post-processing, so any number of them costs nothing further.

        Args:
            n_rows: how many.
            rng: generator; its seed may be public.
            given: values that some columns have in every row, None for missing; rows follow the model's distribution
                under that condition.

        Raises:
            NotFittedError: `fit` has not been called.
            PlanError: a given column is not modelled, lacks the given value, or the model has no such row.
        """
        if not self._fitted:
            raise NotFittedError("fit the synthesizer before asking for rows")
        return self._sample(n_rows, rng, given or {})

    @abstractmethod
    def _fit(self, table: PrivateTable, plan: SynthesisPlan, rng: np.random.Generator, progress: Progress) -> None: ...

    @abstractmethod
    def _sample(self, n_rows: int, rng: np.random.Generator, given: Mapping[str, Any]) -> pd.DataFrame: ...

    @abstractmethod
    def domain_report(self) -> list[dict[str, Any]]:
        """Per modelled column: its cells and what happens outside them, for the certificate."""

    def uncertainty_report(self) -> list[dict[str, Any]]:
        """Per set of columns, a bound on the model's error that follows from noise alone; none where there is none."""
        return []
