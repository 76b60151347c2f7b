"""Words that several sections use for the same thing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.reporting.evidence import Evidence
from app.reporting.printable import NOT_PROVIDED, clean, delta_text, epsilon_text, number_text, provided
from engine.data.schema import Treatment

Json = Mapping[str, Any]

LARGEST_ODDS_EPSILON = 14
"""Above this ε the factor e^ε is past a million, and is not written out."""

DOMAIN_MECHANISMS = ("category_discovery", "numeric_histogram", "range_discovery")
"""Charged measurements by which a run learns which values a column has, or how its numbers are spread."""

TRAINING = "noisy_gradients"

TREATMENTS: dict[str, str] = {Treatment.SYNTHESIZE: "synthesized", Treatment.FAKE: "faked", Treatment.DROP: "dropped"}
"""What happened to a column, in a word."""

_MECHANISMS = {
    "gaussian_marginal": "Gaussian noise on counts",
    "exponential_selection": "exponential mechanism",
    "category_discovery": "Gaussian noise, then a threshold",
    "numeric_histogram": "Gaussian noise on counts of intervals",
    "range_discovery": "Gaussian noise on a public grid",
    "noisy_gradients": "Gaussian noise on clipped gradients",
    "noisy_distance": "Gaussian noise on a sum of distances",
    "scored_histogram": "Gaussian noise on counts by a public score",
    "reserved": "set aside, and counted as spent",
}


def number(value: Any) -> float | None:
    """A finite number, or None where the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def items(values: Any, key: str) -> list[Any]:
    """A list inside a JSON object; empty where there is none."""
    found = values.get(key) if isinstance(values, Mapping) else None
    return list(found) if isinstance(found, list) else []


def part(values: Any, key: str) -> Json:
    """An object inside a JSON object; empty where there is none."""
    inner = values.get(key) if isinstance(values, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def records(found: Any) -> list[Json]:
    """Those items of a list that are JSON objects; none where there is no list."""
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as `1 column` or `3 columns`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def moment_text(value: Any) -> str:
    """An ISO time as it is printed, in universal time."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return clean(value)
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment.tzinfo else clean(value)


def upward_text(value: Any, digits: int = 6) -> str:
    """A parameter that grows with the privacy loss, to some significant digits, rounded up."""
    exact = number(value)
    if exact is None:
        return NOT_PROVIDED
    if exact == 0.0:
        return "0"
    step = 10.0 ** (math.floor(math.log10(abs(exact))) + 1 - digits)
    return f"{math.ceil(exact / step * (1.0 - 1e-15)) * step:.{digits}g}"


def unit_places(evidence: Evidence) -> tuple[str, ...]:
    """JSON pointers of what says whom the guarantee protects."""
    kind, most = "/certificate/unit/kind", "/certificate/unit/max_rows_per_unit"
    return (kind, most) if evidence.at(kind) == "person" else (kind,)


def unit_text(kind: Any, most: Any = None) -> str:
    """Whom the guarantee protects, in words.

    Args:
        kind: `row` or `person`.
        most: rows of a person that count.
    """
    if kind == "person":
        rows = "1 row" if most == 1 else f"{number_text(most)} rows"
        return f"one person with at most {rows}"
    return "one row of the table" if kind == "row" else NOT_PROVIDED


def factor_text(epsilon: Any) -> str:
    """e^ε, rounded up."""
    exact = number(epsilon)
    if exact is None:
        return NOT_PROVIDED
    if exact > LARGEST_ODDS_EPSILON:
        return f"more than {number_text(1_000_000)}"
    factor = math.exp(exact)
    digits = 2 if factor < 1000 else 0
    return f"{math.ceil(factor * 10**digits) / 10**digits:,.{digits}f}"


def epsilon_sentence(epsilon: Any, delta: Any, kind: Any, most: Any = None) -> str:
    """ε, δ, the unit and what they mean, in one sentence."""
    return (
        f"ε = {epsilon_text(epsilon)} at δ = {delta_text(delta)} for {unit_text(kind, most)}: whatever anyone "
        f"concludes from the synthetic table, its odds with and without that unit in the data differ by a factor of at "
        f"most e^ε = {factor_text(epsilon)}, except with a probability of about δ."
    )


def band_sentence(epsilon: Any) -> str:
    """How much an ε of this size says, and what it does not say."""
    exact = number(epsilon)
    if exact is None:
        return NOT_PROVIDED
    if exact <= 1:
        return (
            "At most 1. Such an ε is small: one unit changes what can be learned by little. It does not say that "
            "nothing can be learned about a person from the rows of others."
        )
    if exact <= 10:
        return (
            "Between 1 and 10. Such an ε is moderate: the bound leaves room to learn about one unit. It does not say "
            "that so much can be learned; it says that more cannot."
        )
    return (
        "Above 10. Such an ε is large: by itself the bound says little about what can be learned about one unit, and "
        "tests of attacks cannot put a bound in its place."
    )


def treatment_text(column: Json) -> str:
    """What happened to a column; as it is recorded where that is no treatment."""
    return TREATMENTS.get(str(column.get("treatment"))) or provided(column, "treatment")


def mechanism_text(event: Json) -> str:
    """How a charged measurement is protected."""
    name = event.get("mechanism")
    return _MECHANISMS.get(str(name)) or (words(name) if name is not None else NOT_PROVIDED)


def noise_text(event: Json) -> str:
    """How much noise a charged measurement has."""
    if number(event.get("noise_multiplier")) is not None:
        samples = f"{number_text(event.get('steps'))} samples of {number_text(event.get('sampling_rate'))} of the units"
        return f"σ = {number_text(event['noise_multiplier'])} × largest contribution, in each of {samples}"
    if number(event.get("noise_scale")) is not None:
        return f"σ = {number_text(event['noise_scale'])} rows"
    if number(event.get("selection_epsilon")) is None:
        return NOT_PROVIDED
    candidates = f", among {number_text(event.get('candidates'))}" if "candidates" in event else ""
    return f"ε = {epsilon_text(event['selection_epsilon'])} per choice{candidates}"


def reads_text(event: Json, most: int) -> str:
    """Columns that a charged measurement read; their number where there are many."""
    names = items(event, "reads")
    return ", ".join(map(clean, names)) if 0 < len(names) <= most else f"{len(names)} columns"


def words(name: Any) -> str:
    """A name of the engine's, such as `one_way_share`, as words."""
    return clean(str(name).replace("_", " ").capitalize())
