"""The stage of a run that makes its releasable report, between the fit and the certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from engine.data.encode import TableDomain
from engine.data.rows import Rows
from engine.privacy.budget import RunBudget
from engine.privacy.mechanisms import reserved_charge
from engine.privacy.plan import SynthesisPlan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent
from engine.synthesizers.base import Synthesizer
from engine.timing import StageClock

LOST = "the process ended while it was measured; what began to be measured counts as spent, and is not measured again"
LOST_PURPOSE = "releasable report that an earlier attempt began"


@dataclass(frozen=True)
class ReportRows:
    """The private rows that a report may ask, behind their doors.

    Args:
        door: opens a table of private rows; every door spends from one budget.
        train: rows that the synthesizer read.
        holdout: rows that it did not, or None.
        domain: cells of the run.
        budget: the run's envelope, with the report's part held back.
    """

    door: Callable[[Rows], PrivateTable]
    train: Rows
    holdout: Rows | None
    domain: TableDomain
    budget: RunBudget


def make_released_report(
    synthesizer: Synthesizer,
    plan: SynthesisPlan,
    drawn: Iterator[pd.DataFrame],
    rows: ReportRows,
    clock: StageClock,
    progress: Progress,
) -> tuple[dict[str, Any], Iterator[pd.DataFrame]]:
    """Measure what the plan pays for, and say it together with what costs nothing.

    Args:
        synthesizer: fitted.
        plan: what to do.
        drawn: the synthetic rows in parts; the first one is compared.
        rows: the private rows.
        clock: takes the time.
        progress: called as work proceeds; it may raise to stop it.

    Returns:
        The report, and the same parts of synthetic rows from the first one on.

    Privacy: charges at most what was held back for the report.
    """
    from engine.evaluation.charged import Released, released_report  # loads models that no fit needs

    progress(ProgressEvent("sampling", 0.85, "Drawing synthetic rows"))
    with clock.stage("sampling"):
        first = next(drawn)
    with clock.stage("report"):
        released = Released() if plan.evaluation_share == 0.0 else _measured(synthesizer, plan, first, rows, progress)
        report = released_report(plan, synthesizer, first, released)
    return report, chain([first], drawn)


def _measured(
    synthesizer: Synthesizer, plan: SynthesisPlan, synthetic: pd.DataFrame, rows: ReportRows, progress: Progress
) -> Any:
    from engine.evaluation.charged import Released, measure
    from engine.evaluation.charged_cells import report_cells

    mu_squared = rows.budget.take_held_back()
    if _has_begun_before(synthesizer, plan):
        rows.budget.spend(reserved_charge(LOST_PURPOSE, rows.domain.names, mu_squared))
        return Released(why_nothing=LOST)
    cells = report_cells(rows.domain, synthetic, synthesizer.estimated_rows_)
    with ExitStack() as doors:
        train = doors.enter_context(rows.door(rows.train))
        holdout = None if rows.holdout is None else doors.enter_context(rows.door(rows.holdout))
        return measure(cells, plan.target, train, holdout, mu_squared, progress)


def _has_begun_before(synthesizer: Synthesizer, plan: SynthesisPlan) -> bool:
    """Note durably that the report is measured now; True where it was before, by an attempt that ended.

    Noise that was drawn twice for one question would say more than was paid for, so it is asked once, as the steps of
    a training are: measuring counts as the step after the last one.
    """
    if synthesizer.checkpoints is None:
        return False
    step = synthesizer.training_steps(plan) + 1
    if synthesizer.checkpoints.begun() >= step:
        return True
    synthesizer.checkpoints.begin(step)
    return False
