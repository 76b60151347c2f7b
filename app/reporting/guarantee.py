"""The guarantee of a run in words and numbers, for the releasable document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from app.reporting.printable import (
    NOT_PROVIDED,
    delta_text,
    epsilon_text,
    number_text,
    percent_text,
    provided,
    statement,
)

Json = Mapping[str, Any]
Rows = list[list[str]]

COMPUTED = "computed"
DECLARED = "declared"

PRIORS = (0.01, 0.1, 0.5)


def part(values: Json, key: str) -> Json:
    """An object inside a JSON object; empty where there is none."""
    inner = values.get(key)
    return inner if isinstance(inner, Mapping) else {}


def unit_text(certificate: Json) -> str:
    """Whom the guarantee protects, in words."""
    unit = part(certificate, "unit")
    kind, most = unit.get("kind"), unit.get("max_rows_per_unit")
    if kind == "person":
        rows = "1 row" if most == 1 else f"{number_text(most)} rows"
        return f"one person with at most {rows}"
    return "one row of the table" if kind == "row" else NOT_PROVIDED


def odds_sentence(certificate: Json) -> str:
    """The guarantee in one sentence."""
    privacy = part(certificate, "privacy")
    return (
        f"Take any conclusion that someone draws from the synthetic table. Its odds with and without "
        f"{unit_text(certificate)} in the data differ by a factor of at most e^ε = "
        f"{_factor_text(privacy.get('epsilon'))}, except with a probability of about δ = "
        f"{delta_text(privacy.get('delta'))}."
    )


def _factor_text(epsilon: Any) -> str:
    if not isinstance(epsilon, int | float) or isinstance(epsilon, bool) or not math.isfinite(epsilon):
        return NOT_PROVIDED
    if epsilon > 14:
        return f"more than {number_text(1_000_000)}"
    factor = math.exp(epsilon)
    digits = 2 if factor < 1000 else 0
    return f"{math.ceil(factor * 10**digits) / 10**digits:,.{digits}f}"


def band_sentence(epsilon: Any) -> str:
    """How much an ε of this size says."""
    if not isinstance(epsilon, int | float):
        return ""
    if epsilon <= 1:
        return "An ε of at most 1 is small: one unit changes what can be learned by little."
    if epsilon <= 10:
        return "An ε between 1 and 10 is moderate: the bound leaves room to learn about one unit."
    return "An ε above 10 is large: by itself the bound says little about what can be learned about one unit."


def guarantee_rows(certificate: Json) -> Rows:
    """Name, value and status of each part of the guarantee."""
    privacy, unit = part(certificate, "privacy"), part(certificate, "unit")
    return [
        ["Variant", "(ε, δ)-differential privacy, central model: the operator holds the private rows", COMPUTED],
        ["ε of what was recorded", epsilon_text(privacy.get("epsilon")), COMPUTED],
        ["ε charged to the ledger", epsilon_text(privacy.get("charged_epsilon")), COMPUTED],
        ["ε asked for", epsilon_text(privacy.get("target_epsilon")), DECLARED],
        ["δ", delta_text(privacy.get("delta")), DECLARED],
        ["Neighbouring tables", provided(certificate, "neighbouring_relation"), COMPUTED],
        ["Unit of protection", unit_text(certificate), DECLARED],
        ["Rows per unit", _rows_per_unit_text(unit), COMPUTED],
        ["Native parameter", f"μ = {number_text(privacy.get('mu'), 6)} in Gaussian differential privacy", COMPUTED],
        [
            "Read as zero-concentrated",
            f"ρ = {number_text(privacy.get('rho_zcdp'))}, which gives ε = {epsilon_text(privacy.get('epsilon_zcdp'))}",
            COMPUTED,
        ],
        ["Accountant", statement(privacy, "accountant"), COMPUTED],
    ]


def _rows_per_unit_text(unit: Json) -> str:
    if unit.get("kind") == "person":
        return (
            f"Of each person, told apart by {provided(unit, 'id_column')}, at most "
            f"{number_text(unit.get('max_rows_per_unit'))} random rows were kept before anything was measured"
        )
    if unit.get("kind") == "row":
        return "1; whoever has several rows is protected for each of them, not for all together"
    return NOT_PROVIDED


def suspicion_rows(epsilon: Any) -> Rows:
    """For a suspicion of some strength, the weakest and the strongest that it can become."""
    if not isinstance(epsilon, int | float) or isinstance(epsilon, bool):
        return []
    rows = []
    for prior in PRIORS:
        odds = prior / (1.0 - prior)
        high = _chance(math.log(odds) + epsilon)
        low = _chance(math.log(odds) - epsilon)
        rows.append([percent_text(prior), percent_text(low, math.floor), percent_text(high, math.ceil)])
    return rows


def _chance(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0


def size_sentence(certificate: Json) -> str:
    """How δ stands to the number of rows, from the noisy count alone."""
    delta, rows = part(certificate, "privacy").get("delta"), part(certificate, "rows").get("estimated_private")
    if not isinstance(delta, int | float) or not isinstance(rows, int | float):
        return "The number of private rows, to hold δ against, is not provided."
    return (
        f"δ times the noisy count of private rows ({number_text(round(rows))}) is {number_text(delta * rows, 2)}. "
        "It should be far below 1: δ bounds the chance of an event in which the bound by ε need not hold."
    )
