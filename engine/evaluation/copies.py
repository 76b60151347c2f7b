"""Synthetic rows that equal real ones, or equal them in all columns but one.

Why the comparison is exact: training rows and rows set aside are one table, divided at random. Take the real rows whose
values occur once in both together. Whatever a synthesizer draws without having seen the division, each of them is a
training row with the same chance, also given that a synthetic row equals it. An (ε, δ) guarantee lets the odds rise by
e^ε at most, but for δ. So the number of training rows among those that are hit has a binomial tail, on any table.

Which rows are looked at must not depend on the division either. `rare` rows differ from every other real row; `lone`
rows differ from every other one in two columns or more, so that few of them are hit by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.evaluation.binomial import binomial_tail, clopper_pearson_interval
from engine.evaluation.closest_record import NO_HOLDOUT
from engine.evaluation.column_hashes import ColumnHashes
from engine.evaluation.context import Claim, Context
from engine.evaluation.intervals import wilson_interval
from engine.evaluation.results import Alarm, Finding, Interval, MetricResult, Score, unavailable

ALARM_LEVEL = 1e-5
"""Chance of a false alarm in a report, all its tests together, where a method keeps to the odds of `_allowed_odds`."""

MOST_ODDS = 3.0
"""Odds beyond chance at which an honest method hits a training row, at most, whatever its ε.

Measured with AIM and MST on 5 to 10 columns of a census table: 0.9 to 1.3, up to ε = 100. Only where all columns are
few enough to be measured as one set does a great ε lead to more: 17 at ε = 100 with three columns.
"""

MEASURED_TOGETHER = 3
"""Columns that a method measures at once. A table of no more is reproduced at a great ε, and honestly so."""

FEWEST_ROWS, ROWS_PER_REAL_ROW, ENOUGH_ROWS = 20_000, 10, 100_000
"""Synthetic rows that the alarm is judged on, where the fitted method can draw more of them: that costs no privacy.

So many times the real rows, but no fewer than the first number and no more than the last.
"""

MOST_JUDGED_ROWS = 200_000
"""Rows of a table that are searched for near copies."""

ONE_COLUMN = "with a single column, every row equals every other one in all columns but one"
NOTHING_RARE = "no training row is the only one with its values"

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """How the real rows that synthetic rows hit divide into training rows and rows set aside.

    Args:
        match: `exact`, or `near` for all columns but at most one.
        rows: `rare` or `lone`.
        training_hits: training rows that are hit.
        training_rows: training rows that could be.
        holdout_hits: rows set aside that are hit.
        holdout_rows: rows set aside that could be.
        odds: odds beyond chance that are allowed.
        p_value: bound on the chance of so many training rows among those hit.
    """

    match: str
    rows: str
    training_hits: int
    training_rows: int
    holdout_hits: int
    holdout_rows: int
    odds: float
    p_value: float


def copied_rows(context: Context) -> MetricResult:
    """How many synthetic rows equal a training row, beside how many equal one of as many rows set aside.

    `details` holds:
        synthetic_rows, training_rows, real_rows_each: numbers of rows; the last of training rows and of rows set aside
            that are compared.
        synthetic_rows_equal_to_a_training_row, expected_from_holdout: synthetic rows equal to one of `real_rows_each`
            training rows, or rows set aside.
        synthetic_rows_equal_to_any_training_row: the same with all training rows.
        near_training, near_holdout: synthetic rows that equal one of `real_rows_each` rows in all columns but at most
            one.
        rare: `{training_hits, training_rows, holdout_hits, holdout_rows}`, real rows that equal no other real row, and
            how many of them a synthetic row equals.
        tests: the splits that the alarm is judged by, as `Split` says, least p-value first.
        judged_synthetic_rows, judged_training_rows, judged_holdout_rows, further_rows: rows that these tests looked at;
            the last were drawn from the fitted method for them.
        alarm_level: p-value below which the alarm is raised, per test.
    Without rows set aside, whatever needs them is `{"unavailable": reason}`.
    """
    tables = context.tables
    synthetic, train = ColumnHashes.of(tables.synthetic), ColumnHashes.of(tables.train)
    context.advance(0.1)
    if tables.holdout is None:
        return _without_holdout(synthetic, train)
    holdout = ColumnHashes.of(tables.holdout)
    details = _equal_sizes(context, synthetic, train, holdout)
    context.advance(0.4)
    judged = _judged(context, synthetic, train, holdout)
    splits = _splits(judged, len(tables.fields), context.claim)
    level = ALARM_LEVEL / max(1, len(splits))
    rare = _rare(synthetic, train, holdout)
    details |= {
        "rare": rare,
        "tests": [asdict(split) for split in sorted(splits, key=lambda split: split.p_value)],
        "judged_synthetic_rows": judged["synthetic"].n_rows,
        "judged_training_rows": judged["train"].n_rows,
        "judged_holdout_rows": judged["holdout"].n_rows,
        "further_rows": judged["synthetic"].n_rows - min(synthetic.n_rows, MOST_JUDGED_ROWS),
        "alarm_level": level,
    }
    findings = (_exact_finding(details), _near_finding(details), _rare_finding(rare))
    return MetricResult(findings, details, _alarms(splits, level, judged["synthetic"].n_rows))


def _without_holdout(synthetic: ColumnHashes, train: ColumnHashes) -> MetricResult:
    missing = unavailable(NO_HOLDOUT)
    count = int(synthetic.equals_one_of(train).sum())
    details = {
        "synthetic_rows": synthetic.n_rows,
        "training_rows": train.n_rows,
        "real_rows_each": train.n_rows,
        "synthetic_rows_equal_to_a_training_row": count,
        "synthetic_rows_equal_to_any_training_row": count,
        **dict.fromkeys(("expected_from_holdout", "near_training", "near_holdout", "rare", "tests"), missing),
    }
    without = [
        Finding(name, missing, missing, missing, f"It could not be computed: {NO_HOLDOUT}.")
        for name in ("near", "rare")
    ]
    return MetricResult((_exact_finding(details), *without), details)


def _equal_sizes(
    context: Context, synthetic: ColumnHashes, train: ColumnHashes, holdout: ColumnHashes
) -> dict[str, Any]:
    """Synthetic rows that equal one of equally many training rows and rows set aside."""
    n_real = min(train.n_rows, holdout.n_rows)
    real = [_drawn(table, n_real, context.rng) for table in (train, holdout)]
    exact = [int(synthetic.equals_one_of(table).sum()) for table in real]
    near: list[Score] = [unavailable(ONE_COLUMN)] * 2
    if len(synthetic.cells) > 1:
        searched, n_most = _drawn(synthetic, MOST_JUDGED_ROWS, context.rng), min(n_real, MOST_JUDGED_ROWS)
        near = [float(searched.nearly_equals_one_of(_drawn(table, n_most, context.rng)).sum()) for table in real]
    return {
        "synthetic_rows": synthetic.n_rows,
        "training_rows": train.n_rows,
        "real_rows_each": n_real,
        "synthetic_rows_equal_to_a_training_row": exact[0],
        "expected_from_holdout": exact[1],
        "synthetic_rows_equal_to_any_training_row": int(synthetic.equals_one_of(train).sum()),
        "near_training": near[0],
        "near_holdout": near[1],
    }


def _rare(synthetic: ColumnHashes, train: ColumnHashes, holdout: ColumnHashes) -> dict[str, int]:
    """Real rows that equal no other real row, and how many of them a synthetic row equals."""
    pool = train.joined(holdout)
    once, hit = pool.occur_once(), pool.equals_one_of(synthetic)
    return {
        "training_hits": int((hit & once)[: train.n_rows].sum()),
        "training_rows": int(once[: train.n_rows].sum()),
        "holdout_hits": int((hit & once)[train.n_rows :].sum()),
        "holdout_rows": int(once[train.n_rows :].sum()),
    }


def _drawn(hashes: ColumnHashes, n_rows: int, rng: np.random.Generator) -> ColumnHashes:
    if hashes.n_rows <= n_rows:
        return hashes
    return hashes.take(rng.choice(hashes.n_rows, n_rows, replace=False))


def _judged(
    context: Context, synthetic: ColumnHashes, train: ColumnHashes, holdout: ColumnHashes
) -> dict[str, ColumnHashes]:
    """The rows that the tests look at: at most so many of each, and further synthetic ones where they are few."""
    few = {"synthetic": synthetic, "train": train, "holdout": holdout}
    judged = {name: _drawn(hashes, MOST_JUDGED_ROWS, context.rng) for name, hashes in few.items()}
    wanted = min(max(FEWEST_ROWS, ROWS_PER_REAL_ROW * (train.n_rows + holdout.n_rows)), ENOUGH_ROWS)
    missing = wanted - synthetic.n_rows
    if context.synthesizer is not None and missing > 0:
        drawn = context.synthesizer.sample(missing, context.rng)
        names = list(context.tables.synthetic.columns)
        further = drawn[names].astype(context.tables.synthetic.dtypes)
        judged["synthetic"] = synthetic.joined(ColumnHashes.of(further))
    return judged


def _splits(judged: Mapping[str, ColumnHashes], n_columns: int, claim: Claim | None) -> list[Split]:
    """All tests: exact and near hits of rare and of lone rows."""
    train, synthetic = judged["train"], judged["synthetic"]
    pool = train.joined(judged["holdout"])
    is_training = np.arange(pool.n_rows) < train.n_rows
    hits, chosen = {"exact": pool.equals_one_of(synthetic)}, {"rare": pool.occur_once()}
    if n_columns > 1:
        hits["near"] = pool.nearly_equals_one_of(synthetic)
        chosen["lone"] = pool.have_no_near_row()
    return [
        _split(match, rows, hits[match], chosen[rows], is_training, claim, n_columns - (match == "near"))
        for match in hits
        for rows in chosen
    ]


def _split(
    match: str,
    rows: str,
    hit: BoolArray,
    chosen: BoolArray,
    is_training: BoolArray,
    claim: Claim | None,
    n_matched: int,
) -> Split:
    odds = _allowed_odds(claim, n_matched)
    training, holdout = int((hit & chosen & is_training).sum()), int((hit & chosen & ~is_training).sum())
    weight = odds * int(is_training.sum()) / int((~is_training).sum())
    share = weight / (1.0 + weight) if math.isfinite(weight) else 1.0
    return Split(
        *(match, rows, training, int((chosen & is_training).sum()), holdout, int((chosen & ~is_training).sum()), odds),
        p_value=binomial_tail(training, training + holdout, share, claim.rows_per_unit if claim is not None else 1),
    )


def _allowed_odds(claim: Claim | None, n_matched: int) -> float:
    """Odds beyond chance at which an honest method hits a training row: e^ε, or less where no honest method has more.

    Without a claim, the rows may be those of an honest run of any ε.
    """
    stated = math.exp(min(claim.epsilon, 100.0)) if claim is not None else math.exp(100.0)
    return stated if n_matched <= MEASURED_TOGETHER else min(stated, MOST_ODDS)


def _exact_finding(details: Mapping[str, Any]) -> Finding:
    count, expected = details["synthetic_rows_equal_to_a_training_row"], details["expected_from_holdout"]
    beside = "" if isinstance(expected, dict) else f"; of as many rows that were not learned from, {expected:,}"
    sentence = f"{count:,} synthetic rows equal one of {details['real_rows_each']:,} training rows{beside}."
    reference = expected if isinstance(expected, dict) else float(expected)
    return Finding("exact", float(count), _count_interval(count, details["synthetic_rows"]), reference, sentence)


def _near_finding(details: Mapping[str, Any]) -> Finding:
    training, holdout = details["near_training"], details["near_holdout"]
    if isinstance(training, dict):
        return Finding("near", training, training, holdout, f"It could not be computed: {ONE_COLUMN}.")
    sentence = (
        f"{training:,.0f} synthetic rows equal a training row in all columns but at most one; "
        f"of as many rows that were not learned from, {holdout:,.0f} are found so."
    )
    n_searched = min(details["synthetic_rows"], MOST_JUDGED_ROWS)
    return Finding("near", training, _count_interval(int(training), n_searched), holdout, sentence)


def _count_interval(count: int, n_rows: int) -> tuple[float, float]:
    """Where the count of another draw of as many synthetic rows would lie."""
    low, high = wilson_interval(count, n_rows)
    return low * n_rows, high * n_rows


def _rare_finding(rare: Mapping[str, int]) -> Finding:
    if rare["training_rows"] == 0:
        missing = unavailable(NOTHING_RARE)
        return Finding("rare", missing, missing, missing, f"It could not be computed: {NOTHING_RARE}.")
    share = rare["training_hits"] / rare["training_rows"]
    interval: Interval = clopper_pearson_interval(rare["training_hits"], rare["training_rows"])
    reference: Score = unavailable("no row that was set aside is the only one with its values")
    beside = ""
    if rare["holdout_rows"]:
        reference = rare["holdout_hits"] / rare["holdout_rows"]
        beside = f"; of such rows that were not learned from, {100 * reference:.2f} %"
    sentence = (
        f"{100 * share:.2f} % of the {rare['training_rows']:,} training rows that no other real row equals are found "
        f"among the synthetic rows{beside}."
    )
    return Finding("rare", share, interval, reference, sentence)


def _alarms(splits: list[Split], level: float, n_synthetic: int) -> tuple[Alarm, ...]:
    worst = min(splits, key=lambda split: split.p_value)
    if worst.p_value >= level:
        return ()
    columns = "" if worst.match == "exact" else " in all columns but at most one"
    sentence = (
        f"Among {n_synthetic:,} rows that the method drew, {worst.training_hits:,} of {worst.training_rows:,} unusual "
        f"training rows are found{columns}, and "
        f"{worst.holdout_hits:,} of {worst.holdout_rows:,} such rows that were not learned from. A method that keeps "
        f"what it states gives so uneven a split in fewer than one of {round(1 / ALARM_LEVEL):,} runs."
    )
    return (Alarm("copied_rows", "Rows of the training table were copied", sentence),)
