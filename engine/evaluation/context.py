"""What a metric is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.data.schema import TableSchema
from engine.evaluation.tables import EvaluationTables

if TYPE_CHECKING:
    from engine.synthesizers.base import Synthesizer


@dataclass(frozen=True)
class Claim:
    """The guarantee that a run states.

    Args:
        epsilon: its ε.
        delta: its δ.
        rows_per_unit: most rows of a protected unit.
    """

    epsilon: float
    delta: float
    rows_per_unit: int

    @classmethod
    def of(cls, certificate: Mapping[str, Any]) -> Claim | None:
        """What a certificate states; None where it states that nothing is guaranteed."""
        privacy = certificate["privacy"]
        if privacy["epsilon"] is None:
            return None
        return cls(privacy["epsilon"], privacy["delta"], certificate["unit"]["max_rows_per_unit"])


@dataclass(frozen=True)
class Context:
    """What a metric is given.

    Args:
        tables: what is compared, columns and rows already chosen.
        schema: columns, treatments and rules.
        target: a column of special interest, such as one to predict; or None.
        rng: the metric's own generator; the same rows and seed give the same numbers.
        threads: threads that models may use.
        advance: called with the share of the metric's work that is done; it raises `CancelledError` to stop it.
        claim: the guarantee that the run states, or None where it states none or nobody says.
        synthesizer: the fitted method that drew the rows, or None where only the rows are known.
    """

    tables: EvaluationTables
    schema: TableSchema
    target: str | None
    rng: np.random.Generator
    threads: int = 1
    advance: Callable[[float], None] = lambda share: None
    claim: Claim | None = None
    synthesizer: Synthesizer | None = None
