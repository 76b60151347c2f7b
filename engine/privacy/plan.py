"""What an analyst decides before a run: the columns, who is protected, how much privacy loss, which method."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.data.schema import TableSchema, Treatment
from engine.errors import PlanError

DEFAULT_DELTA = 1e-6
MINIMUM_DELTA, MAXIMUM_DELTA = 1e-15, 1e-2
MINIMUM_EPSILON, MAXIMUM_EPSILON = 1e-3, 100.0
MAXIMUM_ROWS = 100_000_000
MAXIMUM_EVALUATION_SHARE = 0.5
NEIGHBOURING_RELATION = "add or remove one unit"


class UnitKind(StrEnum):
    """Whom the guarantee protects."""

    ROW = "row"
    PERSON = "person"


@dataclass(frozen=True)
class UnitOfProtection:
    """One row, or one person given by an id column.

    Args:
        kind: row or person.
        id_column: column whose values tell persons apart; its values are never synthesized.
        max_rows_per_unit: k; of a person with more rows, k random ones are kept before anything is measured.

    Raises:
        PlanError: the parts contradict one another.
    """

    kind: UnitKind = UnitKind.ROW
    id_column: str | None = None
    max_rows_per_unit: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", UnitKind(self.kind))
        if self.kind is UnitKind.PERSON and not self.id_column:
            raise PlanError("protecting a person needs the column that tells persons apart")
        if self.kind is UnitKind.ROW and (self.id_column is not None or self.max_rows_per_unit != 1):
            raise PlanError("protecting a row takes neither an id column nor a number of rows per unit")
        if isinstance(self.max_rows_per_unit, bool) or not isinstance(self.max_rows_per_unit, int):
            raise PlanError("the number of rows per person must be a whole number")
        if not 1 <= self.max_rows_per_unit <= 1000:
            raise PlanError("the number of rows per person must be between 1 and 1000")

    def to_json(self) -> dict[str, Any]:
        """The unit as JSON."""
        return {
            "kind": self.kind.value,
            "id_column": self.id_column,
            "max_rows_per_unit": self.max_rows_per_unit,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> UnitOfProtection:
        """Read the unit back; raises PlanError where it is malformed."""
        try:
            kind = UnitKind(value.get("kind", "row"))
        except ValueError:
            raise PlanError("the unit of protection is either 'row' or 'person'") from None
        return cls(kind, value.get("id_column"), value.get("max_rows_per_unit", 1))


@dataclass(frozen=True)
class SynthesisPlan:
    """Everything that decides a run, and nothing read from the private rows.

    Args:
        schema: columns, domains and treatments.
        method: name of a registered synthesizer.
        epsilon: target ε of this run, from 0.001 to 100; None for a method without a privacy guarantee, which has none.
        delta: δ of this run; `DEFAULT_DELTA` where None and there is an ε.
        unit: whom the guarantee protects.
        n_rows: rows to synthesize; None takes the noisy count of private rows.
        declared_rows: about how many rows the table has, as the analyst states it in public. It is used for
            the forecast and the check of δ, never for noise.
        target: column that models will predict; AIM counts its relations double, and the utility check predicts it.
        important: columns whose relations AIM counts double.
        evaluation_share: part of the run's μ², in [0, 0.5], that pays for a releasable report instead of the rows.

    Raises:
        PlanError: a value is out of range or the parts contradict one another.
    """

    schema: TableSchema
    method: str
    epsilon: float | None = None
    delta: float | None = None
    unit: UnitOfProtection = field(default_factory=UnitOfProtection)
    n_rows: int | None = None
    declared_rows: int | None = None
    target: str | None = None
    important: tuple[str, ...] = ()
    evaluation_share: float = 0.0

    def __post_init__(self) -> None:
        self._check_loss()
        self._check_evaluation()
        _check_rows("the number of synthetic rows", self.n_rows)
        _check_rows("the declared number of rows", self.declared_rows)
        self._check_delta()
        self._check_columns()

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "schema": self.schema.to_json(),
            "method": self.method,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "unit": self.unit.to_json(),
            "n_rows": self.n_rows,
            "declared_rows": self.declared_rows,
            "target": self.target,
            "important": list(self.important),
            "evaluation_share": self.evaluation_share,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SynthesisPlan:
        """Read a plan back; raises PlanError or SchemaError where it is malformed."""
        missing = [key for key in ("schema", "method", "epsilon") if key not in value]
        if missing:
            raise PlanError(f"the plan lacks {', '.join(missing)}")
        return cls(
            schema=TableSchema.from_json(value["schema"]),
            method=str(value["method"]),
            epsilon=value["epsilon"],
            delta=value.get("delta"),
            unit=UnitOfProtection.from_json(value.get("unit") or {}),
            n_rows=value.get("n_rows"),
            declared_rows=value.get("declared_rows"),
            target=value.get("target"),
            important=_names(value.get("important", [])),
            evaluation_share=value.get("evaluation_share", 0.0),
        )

    def synthesized_names(self) -> tuple[str, ...]:
        """Names of the columns that are modelled, in schema order."""
        return tuple(
            column.name
            for column in self.schema.fields
            if column.treatment is Treatment.SYNTHESIZE and column.name != self.unit.id_column
        )

    def promised(self) -> tuple[float, float]:
        """ε and δ of a run that has a guarantee.

        Raises:
            PlanError: the plan states no ε.
        """
        if self.epsilon is None or self.delta is None:
            raise PlanError(
                f"the method {self.method!r} protects the rows, so it needs an ε: state how much may be spent"
            )
        return self.epsilon, self.delta

    def _check_loss(self) -> None:
        if self.epsilon is None:
            if self.delta is not None:
                raise PlanError("a plan without an ε has no δ either: leave both out, or state both")
            return
        if self.delta is None:
            object.__setattr__(self, "delta", DEFAULT_DELTA)
        _check_number("ε", self.epsilon, MINIMUM_EPSILON, MAXIMUM_EPSILON)
        _check_number("δ", self.delta, MINIMUM_DELTA, MAXIMUM_DELTA)

    def _check_evaluation(self) -> None:
        _check_number("the share for the releasable report", self.evaluation_share, 0.0, MAXIMUM_EVALUATION_SHARE)
        if self.evaluation_share > 0.0 and self.epsilon is None:
            raise PlanError("a plan without an ε has no privacy loss to set aside for a releasable report")

    def _check_delta(self) -> None:
        if self.delta is None or self.declared_rows is None:
            return
        if self.delta * self.declared_rows >= 1.0:
            raise PlanError(
                f"δ = {self.delta:g} is too large for about {self.declared_rows:,} rows: a mechanism could publish "
                f"one whole row and still satisfy it. Choose δ well below {1.0 / self.declared_rows:.1g}"
            )

    def _check_columns(self) -> None:
        names = self.schema.names
        if self.unit.id_column is not None and self.unit.id_column not in names:
            raise PlanError(f"the schema has no column {self.unit.id_column!r} to tell persons apart")
        if not self.synthesized_names():
            raise PlanError("no column is left to synthesize: every one is dropped, faked or the person's id")
        if self.target is not None and self.target not in self.synthesized_names():
            raise PlanError(f"the target {self.target!r} is not among the synthesized columns")
        for name in self.important:
            if name not in self.synthesized_names():
                raise PlanError(f"the important column {name!r} is not among the synthesized columns")
        self._check_rules()

    def _check_rules(self) -> None:
        """A rule is passed over where one of its columns is dropped; a faked value would break it."""
        faked = {column.name for column in self.schema.fields if column.treatment is Treatment.FAKE}
        for rule in self.schema.rules:
            for name in rule.columns:
                if name in faked:
                    raise PlanError(f"column {name!r} is faked, so the rule that {rule.describe()} cannot hold")


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise PlanError("the important columns are a list of names")
    return tuple(value)


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise PlanError(f"{name} must be a number")
    if not low <= value <= high:
        raise PlanError(f"{name} must be between {low:g} and {high:g}")


def _check_rows(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAXIMUM_ROWS:
        raise PlanError(f"{name} must be a whole number between 1 and {MAXIMUM_ROWS:,}")
