"""The straight line: a private table and a plan in, a synthetic table and its certificate out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from engine.certificate import build_certificate
from engine.data.schema import Treatment
from engine.errors import InputError, PlanError
from engine.privacy.budget import RunBudget
from engine.privacy.noise import SecureNoise
from engine.privacy.plan import SynthesisPlan, UnitKind, UnitOfProtection
from engine.privacy.price import ENVELOPE_SLACK, price_plan
from engine.privacy.private_table import PrivateTable
from engine.progress import Progress, ProgressEvent, no_progress
from engine.synthesizers.base import Synthesizer
from engine.synthesizers.marginals import modelled_fields
from engine.synthesizers.registry import synthesizer_class


@dataclass(frozen=True)
class SynthesisResult:
    """What a run made.

    Args:
        synthetic: typed synthetic rows, columns in schema order, dropped ones left out.
        certificate: what the run did, as JSON.
        synthesizer: the fitted model; further rows cost nothing.
    """

    synthetic: pd.DataFrame
    certificate: dict[str, Any]
    synthesizer: Synthesizer


def synthesize(
    table: pd.DataFrame,
    plan: SynthesisPlan,
    *,
    sample_seed: int | None = None,
    device: str = "auto",
    progress: Progress = no_progress,
) -> SynthesisResult:
    """Fit the plan's method to a private table and draw synthetic rows.

    Args:
        table: typed private rows, with the columns of the plan's schema.
        plan: what to do.
        sample_seed: seed of the sampling, which may be public; noise cannot be seeded.
        device: `auto` or `cpu`; every method registered today computes on the CPU.
        progress: called after each step; it may raise to stop the work.

    Raises:
        InputError: the table lacks a column of the schema.
        PlanError: the plan cannot be carried out.

    Privacy: charges at most the envelope of `price_plan(plan)`, for adding or removing one unit.
    """
    progress(ProgressEvent("checking", 0.0, "Checking the plan"))
    if device not in ("auto", "cpu"):
        raise PlanError(f"the method {plan.method!r} computes on the CPU: choose the device auto or cpu")
    price = price_plan(plan)
    missing = [name for name in plan.schema.names if name not in table.columns]
    if missing:
        raise InputError(f"the table lacks the column {missing[0]!r} of the schema")
    budget = RunBudget(price.mu_squared * (1.0 - ENVELOPE_SLACK), price.delta_extra)
    private = PrivateTable(table.reset_index(drop=True), modelled_fields(plan), plan.unit, budget)
    rng = np.random.default_rng(sample_seed)
    synthesizer = synthesizer_class(plan.method)()
    synthesizer.fit(private, plan, rng, progress)
    n_rows = plan.n_rows if plan.n_rows is not None else max(1, round(synthesizer.estimated_rows_))
    progress(ProgressEvent("sampling", 0.85, "Drawing synthetic rows"))
    synthetic = complete_columns(synthesizer.sample(n_rows, rng), plan, rng)
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
    return SynthesisResult(synthetic, certificate, synthesizer)


def complete_columns(modelled: pd.DataFrame, plan: SynthesisPlan, rng: np.random.Generator) -> pd.DataFrame:
    """Add faked columns and bring all into schema order; reads no private row."""
    columns = {}
    for field in plan.schema.fields:
        if field.name in modelled:
            columns[field.name] = modelled[field.name]
        elif field.treatment is Treatment.FAKE and field.fake_provider is not None:
            columns[field.name] = _fake(field.fake_provider, len(modelled), rng)
    return pd.DataFrame(columns)


def _fake(provider: str, n_rows: int, rng: np.random.Generator) -> pd.Series:
    from engine.data.fake import fake_column  # Faker is slow to load and most plans fake nothing

    column: pd.Series = fake_column(provider, n_rows, rng)
    return column


def split_holdout(table: pd.DataFrame, unit: UnitOfProtection, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set units aside for the internal evaluation, each one with chance `share` and independently of the others.

    Args:
        table: typed private rows.
        unit: whom the guarantee protects; all rows of a person stay together.
        share: chance of a unit to be set aside, in [0, 0.5].

    Returns:
        Rows for training and rows set aside.

    Raises:
        PlanError: the share is out of range.

    Privacy: a unit's place depends on fresh randomness only, so neighbours stay neighbours.
    """
    if not 0.0 <= share <= 0.5:
        raise PlanError("the share of rows set aside must be between 0 and 0.5")
    source = SecureNoise()
    if unit.kind is UnitKind.PERSON:
        owners = table[unit.id_column].astype("string")
        unit_of_row = pd.factorize(owners, use_na_sentinel=False)[0]
    else:
        unit_of_row = np.arange(len(table))
    n_units = int(unit_of_row.max(initial=-1)) + 1
    held_out = (source.words(n_units) < np.uint64(share * 2.0**64))[unit_of_row]
    return table.loc[~held_out].reset_index(drop=True), table.loc[held_out].reset_index(drop=True)
