"""The straight line: a private table and a plan in, a synthetic table and its certificate out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.certificate import build_certificate
from engine.checkpoints import Checkpoints
from engine.data.rows import FrameRows, Rows
from engine.data.schema import Treatment
from engine.errors import InputError
from engine.execution import Execution
from engine.privacy.plan import SynthesisPlan
from engine.privacy.price import price_plan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent, no_progress
from engine.released_report import ReportRows, make_released_report
from engine.resources import Resources, check_memory, rule_memory
from engine.synthesizers.arrays import check_device
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import synthesizer_class
from engine.timing import StageClock

PIECE_ROWS = 1_000_000
"""Synthetic rows that are drawn at a time, at most."""


@dataclass(frozen=True)
class FittedRun:
    """A run that has read its private rows and is done with them.

    Args:
        plan: what to do.
        synthesizer: the fitted model; further rows cost nothing.
        certificate: what the run did, as JSON.
        n_rows: synthetic rows to draw.
        drawn: the synthetic rows in parts; whoever takes a part has it for good.
        clock: seconds of each stage.
        released_report: findings that may leave with the rows, as JSON; None without a privacy guarantee.
    """

    plan: SynthesisPlan
    synthesizer: Synthesizer
    certificate: dict[str, Any]
    n_rows: int
    drawn: Iterator[pd.DataFrame]
    clock: StageClock
    released_report: dict[str, Any] | None

    def pieces(self) -> Iterator[pd.DataFrame]:
        """The synthetic rows in parts of at most `PIECE_ROWS`, all of about the same size; to be drawn once.

        Counts are rounded to whole rows within a part, so parts should be few and large.
        """
        while True:
            with self.clock.stage("sampling"):
                piece = next(self.drawn, None)
            if piece is None:
                return
            yield piece


@dataclass(frozen=True)
class SynthesisResult:
    """What a run made.

    Args:
        synthetic: typed synthetic rows, columns in schema order, dropped ones left out.
        certificate: what the run did, as JSON.
        synthesizer: the fitted model; further rows cost nothing.
        timings: seconds of each stage. They depend on the private rows and are not to be published with them.
        released_report: findings that may leave with the rows, as JSON; None without a privacy guarantee.
    """

    synthetic: pd.DataFrame
    certificate: dict[str, Any]
    synthesizer: Synthesizer
    timings: dict[str, float]
    released_report: dict[str, Any] | None


def synthesize(
    table: pd.DataFrame | Rows,
    plan: SynthesisPlan,
    *,
    holdout: pd.DataFrame | Rows | None = None,
    sample_seed: int | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
    checkpoints: Checkpoints | None = None,
) -> SynthesisResult:
    """Fit the plan's method to a private table and draw synthetic rows, all of them in memory.

    Args:
        table: typed private rows, with the columns of the plan's schema; in memory or read part by part.
        plan: what to do.
        holdout: typed private rows of further units, which the releasable report may test predictions on; nothing is
            learned from them.
        sample_seed: seed of the sampling, which may be public; noise cannot be seeded.
        device: where the model is fitted: `cpu`, `cuda`, or `auto` for whichever suits its size.
        progress: called after each step; it may raise to stop the work.
        checkpoints: where a training by steps keeps what it needs to go on after its process ended.

    Raises:
        InputError: the table lacks a column of the schema, or a part of it cannot be read.
        PlanError: the plan cannot be carried out.

    Privacy: charges at most the envelope of `price_plan(plan)`, for adding or removing one unit of either table.
    """
    run = fit(
        table,
        plan,
        holdout=holdout,
        sample_seed=sample_seed,
        device=device,
        progress=progress,
        checkpoints=checkpoints,
    )
    synthetic = pd.concat(run.pieces(), ignore_index=True)
    return SynthesisResult(synthetic, run.certificate, run.synthesizer, run.clock.seconds, run.released_report)


def fit(
    table: pd.DataFrame | Rows,
    plan: SynthesisPlan,
    *,
    holdout: pd.DataFrame | Rows | None = None,
    sample_seed: int | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
    checkpoints: Checkpoints | None = None,
    execution: Execution | None = None,
    clock: StageClock | None = None,
) -> FittedRun:
    """Fit the plan's method to a private table; the rows are drawn from the result, part by part.

    Args:
        table: typed private rows, with the columns of the plan's schema; in memory or read part by part.
        plan: what to do.
        holdout: typed private rows of further units, which the releasable report may test predictions on; nothing is
            learned from them.
        sample_seed: seed of the sampling, which may be public; noise cannot be seeded.
        device: where the model is fitted: `cpu`, `cuda`, or `auto` for whichever suits its size.
        progress: called after each step; it may raise to stop the work.
        checkpoints: where a training by steps keeps what it needs to go on after its process ended.
        execution: where rows may lie and who counts them; as the environment says where None.
        clock: seconds of the stages before this.

    Raises:
        InputError: the table lacks a column of the schema, or a part of it cannot be read.
        PlanError: the plan cannot be carried out.

    Privacy: charges at most the envelope of `price_plan(plan)`, for adding or removing one unit of either table.
    """
    progress(ProgressEvent("checking", 0.0, "Checking the plan"))
    check_device(device)
    price = price_plan(plan)
    check_memory(Resources(0.0, rule_memory(plan)))
    rows = _checked(table, plan)
    held_out = None if holdout is None else _checked(holdout, plan)
    budget = price.budget()
    rng = np.random.default_rng(sample_seed)
    synthesizer = synthesizer_class(plan.method)()
    synthesizer.device = device
    synthesizer.checkpoints = checkpoints
    clock = clock or StageClock()
    execution = execution or Execution.from_environment()

    def door(private_rows: Rows) -> PrivateTable:
        return PrivateTable(private_rows, modelled_fields(plan), plan.unit, budget, execution=execution, clock=clock)

    with clock.stage("fitting"), door(rows) as private:
        synthesizer.fit(private, plan, rng, progress)
        domain = private.domain
    n_rows = plan.n_rows if plan.n_rows is not None else max(1, round(synthesizer.estimated_rows_))
    drawn = draw_rows(synthesizer, plan, n_rows, rng)
    report = None
    if domain is not None and price.mu_squared is not None:
        private_rows = ReportRows(door, rows, held_out, domain, budget)
        report, drawn = make_released_report(synthesizer, plan, drawn, private_rows, clock, progress)
    else:
        progress(ProgressEvent("sampling", 0.85, "Drawing synthetic rows"))
    certificate = build_certificate(
        plan,
        price,
        budget.events(),
        synthesizer.domain_report(),
        synthesizer.uncertainty_report(),
        synthetic_rows=n_rows,
        estimated_rows=synthesizer.estimated_rows_,
        sample_seed=sample_seed,
    )
    return FittedRun(plan, synthesizer, certificate, n_rows, drawn, clock, report)


def _checked(table: pd.DataFrame | Rows, plan: SynthesisPlan) -> Rows:
    """Rows that have every column of the schema."""
    rows = FrameRows(table.reset_index(drop=True)) if isinstance(table, pd.DataFrame) else table
    missing = [name for name in plan.schema.names if name not in rows.names]
    if missing:
        raise InputError(f"the table lacks the column {missing[0]!r} of the schema")
    return rows


def draw_rows(
    synthesizer: Synthesizer,
    plan: SynthesisPlan,
    n_rows: int,
    rng: np.random.Generator,
    given: Mapping[str, Any] | None = None,
) -> Iterator[pd.DataFrame]:
    """Rows from a fitted model, in parts of at most `PIECE_ROWS` and of about the same size.

    They cost nothing, however many are drawn and however often: they follow from what the fit released.

    Args:
        synthesizer: it must be fitted.
        plan: what it was fitted to.
        n_rows: how many.
        rng: generator; its seed may be public.
        given: values that some columns have in every row, None for missing.

    Raises:
        PlanError: a given column is not modelled, lacks the value, or the model has no such row.
    """
    borders = np.linspace(0, n_rows, -(-n_rows // PIECE_ROWS) + 1).astype(np.int64)
    for first, last in itertools.pairwise(borders.tolist()):
        modelled = synthesizer.sample(last - first, rng, given)
        yield complete_columns(modelled, plan, rng, first_row=first)


def complete_columns(
    modelled: pd.DataFrame, plan: SynthesisPlan, rng: np.random.Generator, *, first_row: int = 0
) -> pd.DataFrame:
    """Add faked columns and bring all into schema order; reads no private row.

    Args:
        modelled: synthetic rows of the modelled columns.
        plan: what to do.
        rng: generator that seeds the invention.
        first_row: number of synthetic rows before these.
    """
    columns = {}
    for field in plan.schema.fields:
        if field.name in modelled:
            columns[field.name] = modelled[field.name]
        elif field.treatment is Treatment.FAKE and field.fake_provider is not None:
            columns[field.name] = _fake(field.fake_provider, len(modelled), rng, first_row)
    return pd.DataFrame(columns)


def _fake(provider: str, n_rows: int, rng: np.random.Generator, first_row: int) -> pd.Series:
    from engine.data.fake import fake_column  # Faker is slow to load and most plans fake nothing

    column: pd.Series = fake_column(provider, n_rows, rng)
    return column + first_row if provider == "row_number" else column
