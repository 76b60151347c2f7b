"""Several synthetic copies from one fit, and how estimates from them are put together.

One fit makes one distribution P from noisy counts; all copies are drawn from it. So an estimate q_l from copy l differs
from Q(P) by the drawing of its rows alone, and all copies share the error Q(P) - Q(table) of the noise. How much the
copies differ from one another, b, therefore says nothing about the noise, whose variance v has to be added from the
measurements. With m copies and the mean q of their estimates,

    variance of q about the table's value:       v + b / m
    variance of q about the population's value:  v + b / m + u n_copy / n,

where u is the mean of the variances that each copy of n_copy rows states for its own estimate as if its rows were
a random sample, scaled to the n rows of the table. Without v this is the rule for partially synthetic data. Only b / m
is estimated with few degrees of freedom, m - 1, which gives (m - 1) (variance / (b / m))² for the whole, by
Satterthwaite's rule.

It holds for what the model reproduces from measured counts: counts and shares of measured cells. For anything else
the model's own error is unknown, and no rule for combining copies can show it.

Source: Reiter, "Inference for Partially Synthetic, Public Use Microdata Sets" (2003), for b / m + u and its degrees of
    freedom; Raab, Nowok, Dibben, "Practical Data Synthesis for Large Samples" (2016), for scaling u from the rows of a
    copy to those of the table where all values are drawn from a fitted distribution; Räisä, Jälkö, Kaski, Honkela,
    "Noise-Aware Statistical Inference with Differentially Private Synthetic Data" (2023), for why the noise counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.answers.groups import groups_of
from engine.answers.joint import Asked
from engine.answers.measured import NoisyTables
from engine.answers.query import Measure, Query
from engine.errors import InputError
from engine.pipeline import draw_rows
from engine.synthesizers.marginal_synthesizer import MarginalSynthesizer

MOST_COPIES = 100


@dataclass(frozen=True)
class Combined:
    """What several copies say together.

    Args:
        value: mean of their estimates.
        variance: of that mean.
        low: lower end of the interval.
        high: its upper end.
        degrees_of_freedom: of the t distribution that the interval uses; infinite where copies do not differ.
    """

    value: float
    variance: float
    low: float
    high: float
    degrees_of_freedom: float


def draw_copies(
    synthesizer: MarginalSynthesizer,
    copies: int,
    n_rows: int,
    rng: np.random.Generator,
    given: Mapping[str, Any] | None = None,
) -> Iterator[Iterator[pd.DataFrame]]:
    """Independent synthetic tables from one fit, each in parts; they cost nothing further.

    Args:
        synthesizer: it must be fitted.
        copies: how many tables.
        n_rows: rows of each.
        rng: generator; its seed may be public.
        given: values that some columns have in every row, None for missing.

    Raises:
        InputError: the number of copies is out of range.
        PlanError: a given column is not modelled, lacks the value, or the model has no such row.
    """
    if not 1 <= copies <= MOST_COPIES:
        raise InputError(f"the number of copies is between 1 and {MOST_COPIES}")
    return (draw_rows(synthesizer, synthesizer.plan_, n_rows, rng, given) for _ in range(copies))


def noise_variances(synthesizer: MarginalSynthesizer, query: Query) -> list[tuple[dict[str, Any], float]]:
    """Variance that noise gives to a count or share of measured cells: what `combine` needs beside the copies.

    Args:
        synthesizer: it must be fitted, here or before it was kept.
        query: a count or a share.

    Returns:
        Each group's values and its variance, in squared rows or squared shares.

    Raises:
        InputError: the model was kept without its noisy counts, the columns were not measured together, or the
            conditions cut cells that were counted whole.
    """
    tables = NoisyTables.of(synthesizer)
    if query.measure is Measure.MEAN:
        raise InputError("a mean depends on where rows lie within cells, which noise alone does not tell")
    if not tables.is_measured(tuple(synthesizer.domain_.names.index(name) for name in query.columns)):
        raise InputError("these columns were not measured together, so the model's own error is unknown")
    asked = Asked(tables, rows_per_unit=1, population=False)
    found = []
    for group in groups_of(synthesizer.domain_, query):
        cells = asked.cells(group.parts)
        if (cells.possibly & ~cells.surely).any() or (cells.possibly & (cells.low < cells.high)).any():
            raise InputError("the conditions cut cells that were counted whole: ask for whole cells")
        found.append((group.values, cells.noise_variance(of_mean=query.measure is Measure.SHARE)))
    return found


def combine(
    estimates: Sequence[float],
    noise_variance: float,
    *,
    within: Sequence[float] | None = None,
    rows_of_copy_to_table: float = 1.0,
    confidence: float = 0.95,
) -> Combined:
    """One estimate with an interval from those of several copies of one fit.

    Args:
        estimates: one per copy, at least two.
        noise_variance: variance of the error that the noise gives to all of them, from `noise_variances`.
        within: the variance that each copy states for its estimate, for an interval about the population; None for
            one about the table.
        rows_of_copy_to_table: rows of a copy divided by rows of the table.
        confidence: chance with which the interval holds the true value.

    Raises:
        InputError: there are fewer than two copies, or a variance or the confidence is out of range.
    """
    from scipy.stats import t as students_t

    values = np.asarray(estimates, dtype=np.float64)
    inner = np.zeros(values.size) if within is None else np.asarray(within, dtype=np.float64)
    if values.size < 2 or inner.shape != values.shape:
        raise InputError("combining needs the estimates of at least two copies, and as many variances if any")
    numbers = np.concatenate([values, inner, [noise_variance, rows_of_copy_to_table]])
    if not np.isfinite(numbers).all() or (inner < 0.0).any() or noise_variance < 0.0 or rows_of_copy_to_table <= 0.0:
        raise InputError("estimates are numbers, and variances are not negative")
    if not 0.5 <= confidence <= 0.999:
        raise InputError("the confidence is a number from 0.5 to 0.999")
    between = float(values.var(ddof=1)) / values.size
    variance = noise_variance + between + float(inner.mean()) * rows_of_copy_to_table
    freedom = (values.size - 1) * (variance / between) ** 2 if between > 0.0 else math.inf
    reach = float(students_t.ppf(0.5 + confidence / 2.0, min(freedom, 1e9))) * math.sqrt(variance)
    value = float(values.mean())
    return Combined(value, variance, value - reach, value + reach, freedom)
