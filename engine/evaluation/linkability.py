"""Linkability: whether synthetic rows tell that two halves of a record belong to one person.

An attacker holds two data sets with different columns of the same people. Two records are linked where one synthetic
row is among the nearest to both.

The attack is Anonymeter's. Other than its version 1.1 does, two missing numbers are alike, not as different as can be,
and of equally near rows the first is taken in both halves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.evaluation.attack_rates import MOST_ATTACKS, Attack, Rate, alarms, control_rows, unit_effect
from engine.evaluation.context import Context
from engine.evaluation.neighbours import Points, nearest, observed_ranges, to_points
from engine.evaluation.results import MetricResult, NotComputableError
from engine.evaluation.tables import EvaluationTables, draw_rows

NEIGHBOURS = (1, 5, 10)
"""Numbers of neighbours that are looked at; the first gives the finding."""
MOST_SYNTHETIC_ROWS = 100_000

THREAT_MODEL = (
    "Somebody holds two data sets with different columns of the same people, and the synthetic table, and takes two "
    "records for one person's where one synthetic row is among the nearest to both."
)

IntArray = npt.NDArray[np.int64]


def linkability(context: Context) -> MetricResult:
    """How often two halves of a training row are linked, over rows that were never trained on.

    Columns alternate between the halves, in the order of the schema. Missing values are alike and unlike any other.

    Returns:
        Details: `attacks`, per number of neighbours a row with `name`, `title`, `neighbours`, `main`, `baseline` and
        `control` (each `rate`, `interval`, `successes`, `n`), `risk` (`value`, `interval`), `n_attacks`,
        `beats_guessing`; `halves`, the two lists of columns; `knowledge`, `threat_model`; `synthetic_rows`.

    Raises:
        NotComputableError: there is no holdout, too few rows, or a single column.

    Privacy: reads real rows and charges nothing.
    Source: Giomi, Boenisch, Wehmeyer and Tasnádi (2023), "A unified framework for quantifying privacy risk in
    synthetic data", PoPETs 2023(2), section 5.3.
    """
    tables = context.tables
    if len(tables.fields) < 2:
        raise NotComputableError("two columns or more are needed to split a record into halves")
    points = _draw(tables, context.rng)
    k = min(max(NEIGHBOURS), len(points["synthetic"]))
    links = {}
    for place, name in enumerate(("train", "control")):
        links[name] = _links(points[name], points["synthetic"], k)
        context.advance((place + 1) / 2)
    numbers = [number for number in NEIGHBOURS if number <= k]
    attacks = [_attack(links, number, len(points["synthetic"]), context.rng) for number in numbers]
    details = {
        "attacks": [attack.to_json() for attack in attacks],
        "halves": [[field.name for field in tables.fields[start::2]] for start in (0, 1)],
        "knowledge": "All columns of a person's record, in two parts.",
        "threat_model": THREAT_MODEL,
        "synthetic_rows": len(points["synthetic"]),
    }
    together = unit_effect(context.claim, len(points["train"]) / control_rows(tables)[1])
    return MetricResult((attacks[0].finding("risk"),), details, alarms(attacks, together))


def _draw(tables: EvaluationTables, rng: np.random.Generator) -> dict[str, Points]:
    """Targets of both real tables, equally many, and the synthetic rows."""
    holdout, n_rows = control_rows(tables)
    n_attacks = min(n_rows, MOST_ATTACKS)
    drawn = {
        "synthetic": draw_rows(tables.synthetic, MOST_SYNTHETIC_ROWS, rng),
        "train": draw_rows(tables.train, n_attacks, rng),
        "control": draw_rows(holdout, n_attacks, rng),
    }
    return to_points(tables.fields, drawn, observed_ranges(tables.fields, list(drawn.values())))


def _links(targets: Points, synthetic: Points, k: int) -> IntArray:
    """The fewest neighbours by which each target is linked; k + 1 where it is not, shape (n_targets,)."""
    halves = [range(start, len(targets.columns), 2) for start in (0, 1)]
    first, second = (nearest(targets.only(half), synthetic.only(half), k).indices for half in halves)
    linked = np.full(len(targets), k + 1, dtype=np.int64)
    for rank in range(k, 0, -1):
        shared = (first[:, :rank, None] == second[:, None, :rank]).any(axis=(1, 2))
        linked[shared] = rank
    return linked


def _attack(links: dict[str, IntArray], number: int, n_synthetic: int, rng: np.random.Generator) -> Attack:
    """The attack with a number of neighbours; who guesses takes that many random synthetic rows for each half."""
    n_attacks = len(links["train"])
    guessed = rng.hypergeometric(number, n_synthetic - number, number, size=n_attacks) > 0
    return Attack(
        f"neighbours-{number}",
        f"Linking two halves by {number} neighbour{'s' if number > 1 else ''}",
        main=Rate(int((links["train"] <= number).sum()), n_attacks),
        baseline=Rate(int(guessed.sum()), n_attacks),
        control=Rate(int((links["control"] <= number).sum()), n_attacks),
        facts={"neighbours": number},
    )
