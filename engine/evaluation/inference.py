"""Attribute inference: whether synthetic rows tell a value of a person of whom all other values are known.

An attacker looks for the synthetic row that is nearest to the known values and takes its value for the secret one.

The attack is Anonymeter's. Other than its version 1.1 does, the error of a guessed number is held against the size of
the true one: divided by a guess below zero, every error counts as small. The naive guess is held against the target it
is made for: there, guesses are matched to targets by row label, and most of them get lost. Two missing numbers are
alike, not as different as can be.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.encode import to_numbers
from engine.data.schema import Field, FieldType
from engine.evaluation.attack_rates import (
    MOST_ATTACKS,
    Attack,
    Rate,
    alarms,
    control_rows,
    missing_finding,
    unit_effect,
)
from engine.evaluation.binning import is_numeric
from engine.evaluation.context import Context
from engine.evaluation.intervals import CONFIDENCE
from engine.evaluation.neighbours import nearest_without, observed_ranges, to_points
from engine.evaluation.results import MetricResult, NotComputableError
from engine.evaluation.tables import draw_rows

MOST_SECRETS = 15
MOST_SYNTHETIC_ROWS = 100_000
NUMBER_TOLERANCE = 0.05
"""Share of a secret number's size by which a guess may be off."""
DATE_TOLERANCE = 0.01
"""Share of the span of a date column: dates have no zero, so that a share of a date means nothing."""

KNOWLEDGE = "All other columns of a person's record."
THREAT_MODEL = (
    "Somebody knows all columns of a person's record but one, looks for the synthetic row nearest to them, and takes "
    "its value for the missing one."
)
NO_COLUMN = "no column's values can be told better or worse: on rows never trained on, every guess is right already"

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def attribute_inference(context: Context) -> MetricResult:
    """How often a value of a training row is guessed from its other values, over rows that were never trained on.

    A guess of a number is right within 5 % of the size of the true one, whatever the signs; a zero must be guessed
    exactly. A guess of a date is right within 1 % of the column's span. A missing value is right where it is missing.

    Returns:
        Details: `attacks`, per secret column a row with `name` (the column), `title`, `tolerance` (in words), `main`,
        `baseline` and `control` (each `rate`, `interval`, `successes`, `n`), `risk` (`value`, `interval`),
        `n_attacks`, `beats_guessing`; `all_columns`, a row of the same form over all columns, or null;
        `clearest_column`, the name of the column whose excess over the control exceeds its standard error most, or
        null; `knowledge`, `threat_model`; `synthetic_rows`; `columns_left_out`, how many were not attacked.

    Raises:
        NotComputableError: there is no holdout, too few rows, or a single column.

    Privacy: reads real rows and charges nothing.
    Source: Giomi, Boenisch, Wehmeyer and Tasnádi (2023), "A unified framework for quantifying privacy risk in
    synthetic data", PoPETs 2023(2), section 5.4.
    """
    tables = context.tables
    if len(tables.fields) < 2:
        raise NotComputableError("two columns or more are needed to guess one from the others")
    holdout, n_rows = control_rows(tables)
    n_attacks = min(n_rows, MOST_ATTACKS)
    drawn = {
        "synthetic": draw_rows(tables.synthetic, MOST_SYNTHETIC_ROWS, context.rng),
        "train": draw_rows(tables.train, n_attacks, context.rng),
        "control": draw_rows(holdout, n_attacks, context.rng),
    }
    secrets = _secrets(tables.fields, context.target)
    hits = _hits(tables.fields, secrets, drawn, context)
    attacks = [
        _attack(tables.fields[secret], {kind: right[place] for kind, right in hits.items()})
        for place, secret in enumerate(secrets)
    ]
    facts = {"synthetic_rows": len(drawn["synthetic"]), "columns_left_out": len(tables.fields) - len(secrets)}
    return _result(attacks, hits, facts, unit_effect(context.claim, n_attacks / n_rows))


def is_right(field: Field, guesses: pd.Series, secrets: pd.Series, span: float = 0.0) -> BoolArray:
    """Whether each guess counts as right, shape (n_rows,).

    Args:
        field: the secret column.
        guesses: guessed values, typed.
        secrets: true values, typed, as many.
        span: greatest less least value of a column of dates, in days or seconds.
    """
    guess_missing, secret_missing = (column.isna().to_numpy(dtype=bool) for column in (guesses, secrets))
    both = guess_missing & secret_missing
    if not is_numeric(field):
        # Missing cells are filled only to be compared; whether they count is decided by `both`.
        left, right = (column.astype(object).to_numpy() for column in (guesses, secrets))
        present = ~guess_missing & ~secret_missing
        equal = np.zeros(len(secrets), dtype=bool)
        equal[present] = left[present] == right[present]
        return both | equal
    guessed, true = to_numbers(guesses, field.type), to_numbers(secrets, field.type)
    dated = field.type in (FieldType.DATE, FieldType.DATETIME)
    allowed = DATE_TOLERANCE * span if dated else NUMBER_TOLERANCE * np.abs(true)
    return np.asarray(both | (np.abs(guessed - true) <= allowed))


def _secrets(fields: tuple[Field, ...], target: str | None) -> list[int]:
    """Positions of the columns to guess, in order: the target and the first of the others."""
    order = sorted(range(len(fields)), key=lambda place: fields[place].name != target)
    return sorted(order[:MOST_SECRETS])


def _hits(
    fields: tuple[Field, ...], secrets: list[int], drawn: dict[str, pd.DataFrame], context: Context
) -> dict[str, BoolArray]:
    """Which guesses are right, per kind of attack, shape (n_secrets, n_targets)."""
    points = to_points(fields, drawn, observed_ranges(fields, list(drawn.values())))
    n_attacks = len(drawn["train"])
    nearest_rows = {}
    for place, name in enumerate(("train", "control")):
        nearest_rows[name] = nearest_without(points[name], points["synthetic"], secrets)
        context.advance((place + 1) / 2)
    random_rows = context.rng.integers(len(drawn["synthetic"]), size=(len(secrets), n_attacks))
    plans = (
        ("main", "train", nearest_rows["train"]),
        ("baseline", "train", random_rows),
        ("control", "control", nearest_rows["control"]),
    )
    return {
        kind: np.stack([_judge(fields[secret], drawn, name, rows[i]) for i, secret in enumerate(secrets)])
        for kind, name, rows in plans
    }


def _judge(field: Field, drawn: dict[str, pd.DataFrame], name: str, rows: IntArray) -> BoolArray:
    """Which targets of a table have the value of their synthetic rows."""
    (low, high) = observed_ranges([field], list(drawn.values())).get(field.name, (0.0, 0.0))
    synthetic = drawn["synthetic"][field.name]
    return is_right(field, synthetic.iloc[rows], drawn[name][field.name], high - low)


def _attack(field: Field, hits: dict[str, BoolArray]) -> Attack:
    rates = {kind: Rate(int(right.sum()), len(right)) for kind, right in hits.items()}
    return Attack(field.name, f"Guessing {field.name!r}", **rates, facts={"tolerance": _tolerance(field)})


def _together(hits: dict[str, BoolArray]) -> Attack:
    """All columns' guesses as one attack; those about one person succeed together."""
    rates = {kind: _pooled(right) for kind, right in hits.items()}
    return Attack("all-columns", "Guessing any one column", **rates, facts={"tolerance": "as for each column"})


def _pooled(right: BoolArray) -> Rate:
    """One rate over columns and rows, whose design effect compares rows with independent guesses."""
    n_secrets, n_targets = right.shape
    share = float(right.mean())
    alone = n_secrets * share * (1.0 - share)
    together = float(right.sum(axis=0).var(ddof=1)) if n_targets > 1 else 0.0
    return Rate(int(right.sum()), right.size, max(1.0, together / alone) if alone > 0 else float(n_secrets))


def _result(attacks: list[Attack], hits: dict[str, BoolArray], facts: dict[str, int], effect: float) -> MetricResult:
    open_ones = [place for place, attack in enumerate(attacks) if attack.control.value < 1.0]
    together = [_together({kind: right[open_ones] for kind, right in hits.items()})] if open_ones else []
    clearest = max((attacks[place] for place in open_ones), key=lambda attack: attack.clearness, default=None)
    details = {
        "attacks": [attack.to_json() for attack in attacks],
        "all_columns": together[0].to_json() if together else None,
        "clearest_column": clearest.name if clearest else None,
        "knowledge": KNOWLEDGE,
        "threat_model": THREAT_MODEL,
        **facts,
    }
    if clearest is None:
        findings = tuple(missing_finding(measure, NO_COLUMN) for measure in ("all-columns", "clearest-column"))
        return MetricResult(findings, details)
    # The column is chosen after the fact: its interval holds for all columns at once.
    simultaneous = 1.0 - (1.0 - CONFIDENCE) / len(open_ones)
    findings = (together[0].finding("all-columns"), clearest.finding("clearest-column", simultaneous))
    return MetricResult(findings, details, alarms([*attacks, *together], effect))


def _tolerance(field: Field) -> str:
    """What counts as right, in words."""
    if not is_numeric(field):
        return "equal"
    if field.type in (FieldType.DATE, FieldType.DATETIME):
        return f"within {100 * DATE_TOLERANCE:g} % of the column's span"
    return f"within {100 * NUMBER_TOLERANCE:g} % of the true size"
