"""Singling out: whether synthetic rows tell a condition that exactly one real person satisfies.

An attacker takes conditions that single out one synthetic row. Whether they single out one training row is compared
with whether they single out one of as many rows that were never trained on: a condition isolates a row of a larger
table more easily or less, so that tables of different sizes cannot be compared.

The attacks are Anonymeter's. Other than its version 1.1 does, tables of different sizes are cut to one size instead of
corrected by a fitted curve, which makes up risks; rates are shares of the conditions found, not of those asked for; a
real row that occurs twice is not singled out; dates are ordered, and texts may hold quotation marks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.schema import Field
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
from engine.evaluation.predicates import LAST, MISSING, CodeArray, Predicates, SortedRows, code_columns
from engine.evaluation.results import Finding, MetricResult
from engine.evaluation.tables import draw_rows, row_hashes

FEW_COLUMNS = 3
MOST_CONDITIONS = 2 * MOST_ATTACKS
MOST_TRIES = 10
"""Conditions tried per attack; in a table of few distinct rows hardly one singles out a synthetic row."""
FEWEST_ATTACKS = 20
MOST_ROWS = 50_000

THREAT_MODEL = (
    "Somebody who has only the synthetic table looks for conditions that one synthetic row satisfies, and claims that "
    "exactly one person of the training table satisfies them too."
)

KNOWLEDGE = "The synthetic table alone."

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def singling_out(context: Context) -> MetricResult:
    """How often a condition that singles out a synthetic row singles out a training row, over rows never trained on.

    Conditions on one column: a value that one synthetic row has, at most the least, at least the greatest, missing in
    one row. Conditions on several: the values of a random synthetic row in random columns, numbers as at least or at
    most, away from the median. Who guesses compares random columns with random synthetic values.

    Returns:
        Details: `attacks`, rows `univariate` and `multivariate-N` for conditions on N columns (three, half of them,
        which gives the finding, and all; each only where it could be made) with `name`, `title`, `columns` (N),
        `main`, `baseline` and `control` (each `rate`, `interval`, `successes`, `n`), `risk` (`value`, `interval`),
        `n_attacks`, `beats_guessing`; `knowledge`, `threat_model`; `synthetic_rows`; `real_rows_each`.

    Raises:
        NotComputableError: there is no holdout, or too few rows.

    Privacy: reads real rows and charges nothing.
    Source: Giomi, Boenisch, Wehmeyer and Tasnádi (2023), "A unified framework for quantifying privacy risk in
    synthetic data", PoPETs 2023(2), section 5.2; Cohen and Nissim (2020), "Towards formalizing the GDPR's notion of
    singling out", PNAS 117.
    """
    tables = context.tables
    holdout, n_rows = control_rows(tables)
    n_rows = min(n_rows, MOST_ROWS)
    game = Game(
        tables.fields,
        draw_rows(tables.synthetic, MOST_ROWS, context.rng),
        draw_rows(tables.train, n_rows, context.rng),
        draw_rows(holdout, n_rows, context.rng),
        context.rng,
    )
    sizes = condition_sizes(len(tables.fields))
    attacks: dict[int, Attack] = {}
    for place, n_columns in enumerate(sizes):
        attack = game.attack(n_columns, MOST_CONDITIONS)
        attacks |= {n_columns: attack} if attack else {}
        context.advance((place + 1) / len(sizes))
    details = {
        "attacks": [attack.to_json() for attack in attacks.values()],
        "knowledge": KNOWLEDGE,
        "threat_model": THREAT_MODEL,
        "synthetic_rows": game.n_synthetic,
        "real_rows_each": n_rows,
    }
    findings = (
        _finding("univariate", attacks.get(1)),
        _finding("multivariate", attacks.get(half_of(len(tables.fields)))),
    )
    return MetricResult(findings, details, alarms(list(attacks.values()), unit_effect(context.claim, 1.0)))


def condition_sizes(n_columns: int) -> list[int]:
    """Numbers of columns that conditions speak of: one, a few, half of them, and all."""
    return sorted({1, min(FEW_COLUMNS, n_columns), min(half_of(n_columns), n_columns), n_columns})


def half_of(n_columns: int) -> int:
    """Columns of a condition on half of them, at least two."""
    return max(2, (n_columns + 1) // 2)


class Game:
    """The tables of an attack, made ready to be searched.

    Args:
        fields: columns of all tables.
        synthetic: synthetic rows; one that is repeated counts once, or else it would hide from every condition.
        train: rows that the synthesizer was fitted to.
        control: as many rows that were never trained on.
        rng: draws conditions.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        synthetic: pd.DataFrame,
        train: pd.DataFrame,
        control: pd.DataFrame,
        rng: np.random.Generator,
    ) -> None:
        distinct = synthetic[~pd.Series(row_hashes(synthetic)).duplicated().to_numpy()]
        codes = code_columns(fields, {"synthetic": distinct, "train": train, "control": control})
        self.n_synthetic = len(distinct)
        self._rows = {name: SortedRows(columns) for name, columns in codes.items()}
        self._attacker = Attacker(codes["synthetic"], [is_numeric(field) for field in fields], rng)
        self._rng = rng

    def attack(self, n_columns: int, n_attacks: int) -> Attack | None:
        """Attack training rows, guess, and attack the control; None where too few conditions are found.

        Args:
            n_columns: columns of a condition.
            n_attacks: most conditions to try.
        """
        conditions = self._search(n_columns, n_attacks) if n_columns > 1 else self._rare(n_attacks)
        if len(conditions) < FEWEST_ATTACKS:
            return None
        guesses = self._attacker.guesses(len(conditions), n_columns)
        return Attack(
            f"multivariate-{n_columns}" if n_columns > 1 else "univariate",
            f"Singling out by {n_columns} columns" if n_columns > 1 else "Singling out by one column",
            main=_rate(self._rows["train"].only_matches(conditions)),
            baseline=_rate(self._rows["train"].only_matches(guesses)),
            control=_rate(self._rows["control"].only_matches(conditions)),
            facts={"columns": n_columns},
        )

    def _rare(self, n_attacks: int) -> Predicates:
        """Conditions on one column that single out a synthetic row."""
        found = self._successful(self._attacker.rare_values())
        return found.take(self._rng.permutation(len(found))[:n_attacks])

    def _search(self, n_columns: int, n_attacks: int) -> Predicates:
        """Distinct conditions on several, until there are enough or too many were tried in vain."""
        found = self._attacker.rows(0, n_columns)
        # Three draws per condition that there is meet 95 % of them; more would only meet them again.
        draws = 3 * self.n_synthetic * math.comb(self._attacker.n_columns, n_columns)
        for _ in range(min(MOST_TRIES, math.ceil(draws / n_attacks))):
            found = found.join(self._successful(self._attacker.rows(n_attacks, n_columns))).distinct()
            if len(found) >= n_attacks:
                break
        return found.take(np.arange(min(len(found), n_attacks)))

    def _successful(self, conditions: Predicates) -> Predicates:
        return conditions.take(np.flatnonzero(self._rows["synthetic"].only_matches(conditions) >= 0))


class Attacker:
    """What somebody who has only the synthetic table tries.

    Args:
        codes: per column, codes of the synthetic rows, each of shape (n_rows,).
        numeric: per column, whether its codes are ordered.
        rng: draws rows, columns and values.
    """

    def __init__(self, codes: Sequence[CodeArray], numeric: Sequence[bool], rng: np.random.Generator) -> None:
        self._codes = np.column_stack(codes)
        self._numeric = np.array(numeric)
        self._rng = rng
        self._values = [np.unique(column) for column in codes]
        present = [column[column != MISSING] for column in codes]
        self._medians = np.array([np.median(column) if column.size else 0.0 for column in present])

    @property
    def n_columns(self) -> int:
        """Columns of the table."""
        return int(self._codes.shape[1])

    def rare_values(self) -> Predicates:
        """Conditions on one column: a value of one row, and both ends of the numbers."""
        found = []
        for column, codes in enumerate(self._codes.T):
            values, counts = np.unique(codes, return_counts=True)
            rare = values[counts == 1]
            low, high = [rare], [rare]
            ends = values[values != MISSING][[0, -1]] if self._numeric[column] and values[-1] != MISSING else values[:0]
            if ends.size:
                low, high = [*low, np.array([0, ends[1]])], [*high, np.array([ends[0], LAST])]
            found.append(_predicates(np.full((sum(map(len, low)), 1), column), np.hstack(low), np.hstack(high)))
        return reduce(Predicates.join, found)

    def rows(self, n: int, n_columns: int) -> Predicates:
        """Conditions that the values of random rows in random columns satisfy."""
        row = self._rng.integers(len(self._codes), size=n)
        columns = self._random_columns(n, n_columns)
        values = self._codes[row[:, None], columns].astype(np.int64)
        ordered = self._numeric[columns] & (values != MISSING)
        above = values > self._medians[columns]
        low = np.where(ordered & ~above, 0, values)
        return _predicates(columns, low, np.where(ordered & above, LAST, values))

    def guesses(self, n: int, n_columns: int) -> Predicates:
        """Random comparisons of random columns with values that occur in them."""
        columns = self._random_columns(n, n_columns)
        draws = self._rng.random(columns.shape)
        values = np.zeros(columns.shape, dtype=np.int64)
        for column, known in enumerate(self._values):
            chosen = columns == column
            values[chosen] = known[(draws[chosen] * len(known)).astype(np.int64)]
        return _compare(columns, values, self._rng.integers(6, size=columns.shape), self._numeric[columns])

    def _random_columns(self, n: int, n_columns: int) -> IntArray:
        return np.argsort(self._rng.random((n, self.n_columns)), axis=1)[:, :n_columns]


def _predicates(columns: IntArray, low: IntArray, high: IntArray) -> Predicates:
    shape = columns.shape
    return Predicates(columns, low.reshape(shape), high.reshape(shape), np.zeros(shape, dtype=bool))


def _compare(columns: IntArray, values: IntArray, operators: IntArray, numeric: BoolArray) -> Predicates:
    """Terms equal, unequal, and for numbers also less, greater, at most and at least, by operators 0 to 5."""
    equal_or_not = ~numeric | (values == MISSING)
    operators = np.where(equal_or_not, operators % 2, operators)
    low = np.select([operators == 3, (operators == 2) | (operators == 4)], [values + 1, 0], values)
    high = np.select([operators == 2, (operators == 3) | (operators == 5)], [values - 1, LAST], values)
    return Predicates(columns, low, high, operators == 1)


def _rate(found: IntArray) -> Rate:
    """How many conditions single out a row; several that single out the same one count as one look at the table."""
    per_row = np.bincount(found[found >= 0])
    hits = int(per_row.sum())
    return Rate(hits, len(found), float((per_row**2).sum() / hits) if hits else 1.0)


def _finding(measure: str, attack: Attack | None) -> Finding:
    if attack is None:
        return missing_finding(measure, f"fewer than {FEWEST_ATTACKS} such conditions single out a synthetic row")
    return attack.finding(measure)
