"""The certificate: what a run did, in a form from which anyone can compute its ε again without any data."""

from __future__ import annotations

import math
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from engine.audit.recorded import code_digest
from engine.data.schema import Field, Treatment
from engine.errors import InputError, PlanError
from engine.privacy.accounting import compose_epsilon, rdp_epsilon, total_mu
from engine.privacy.events import delta_extra
from engine.privacy.guarantee import GUARANTEED, NON_PRIVATE, NOT_GUARANTEED
from engine.privacy.mechanisms import TRAINING_MECHANISM
from engine.privacy.plan import NEIGHBOURING_RELATION, SynthesisPlan
from engine.privacy.price import PlanPrice
from engine.privacy.sampled_gaussian import SampledGaussian, gaussian_envelope
from engine.synthesizers.registry import method_info, synthesizer_class
from engine.synthesizers.uncertainty import CONFIDENCE
from engine.version import __version__

CERTIFICATE_VERSION = 1
_LIBRARIES = ("dp-accounting", "numpy", "scipy", "pandas", "mpmath")

NOISE_STATEMENT = (
    "Gaussian noise rounded to whole rows, drawn exactly from the operating system's cryptographic generator; "
    "there is no seed and none is kept"
)

NO_GUARANTEE = (
    "No privacy guarantee: the method read the private rows without protection, so its table can repeat what they "
    "hold. There is no ε. It is for comparison inside the organisation that holds the rows, and must not leave it."
)

GRADIENT_NOISE_STATEMENT = (
    "noise on gradients is Gaussian in double precision, rounded to 2^-20 of its standard deviation, from ChaCha20 "
    "under fresh keys of the same generator: real numbers cannot be drawn exactly"
)

GAUSSIAN_ACCOUNTANT = "Gaussian differential privacy, exact conversion (Balle and Wang 2018, Theorem 8)"
TRAINING_ACCOUNTANT = (
    "a training is charged as the Gaussian that covers all its Poisson-sampled steps but for a stated part of δ, found "
    "by privacy loss distributions (dp-accounting)"
)

UNCERTAINTY_STATEMENT = (
    "Total variation distance between the private counts of a set of columns and the fitted model's, as a share of "
    "rows, on the model's cells. Each bound follows from the noise alone and holds with the stated confidence; where "
    "none is given, the noise says nothing. Rounding to whole rows and drawing values inside a cell come on top."
)

NOT_COVERED = (
    "Facts that hold for the population at large, which the data would show with or without any one unit.",
    "What others' rows say about a person: the guarantee covers the stated unit only, and is weaker for more rows.",
    "Names, types and order of the columns, stated rules, and every domain that the schema marks public or declared.",
    "How the file was read: its encoding, its delimiter and its formats are found in the whole file.",
    "Other releases from the same or overlapping data that are not in this dataset's ledger.",
    "The internal evaluation report: it shows statistics of real rows and must not leave with this file.",
    "An event of probability about δ, in which the bound by ε need not hold.",
    "Time and memory that the run took, for whoever can watch the machine.",
)


def build_certificate(
    plan: SynthesisPlan,
    price: PlanPrice,
    events: list[dict[str, Any]],
    domains: list[dict[str, Any]],
    uncertainty: list[dict[str, Any]],
    *,
    synthetic_rows: int,
    estimated_rows: float,
    sample_seed: int | None,
) -> dict[str, Any]:
    """The certificate of a finished run, as JSON.

    Args:
        plan: what was asked.
        price: the envelope that was charged.
        events: charges in order, from the run's budget.
        domains: per modelled column, from the synthesizer.
        uncertainty: bounds on the model's error, from the synthesizer.
        synthetic_rows: rows in the synthetic table.
        estimated_rows: noisy number of private rows; the exact one where the method has no privacy guarantee.
        sample_seed: seed of the sampling, or None; noise has none.

    Raises:
        UnsupportedEventError: an event cannot be composed, so there is no number to print.
    """
    info = method_info(plan.method)
    common = {
        "certificate_version": CERTIFICATE_VERSION,
        "guarantee": GUARANTEED if info.private else NOT_GUARANTEED,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "generator": _generator(),
        "method": {
            "name": info.name,
            "title": info.title,
            "source": info.source,
            "parameters": synthesizer_class(plan.method).parameters(plan),
        },
        "schema": plan.schema.to_json(),
        "schema_sha256": plan.schema.digest(),
        "unit": plan.unit.to_json(),
        "envelope": price.event,
        "events": events,
    }
    if not info.private:
        return common | _without_guarantee(plan, domains, synthetic_rows, sample_seed)
    return common | {
        "neighbouring_relation": NEIGHBOURING_RELATION,
        "privacy": _privacy(plan, price, events),
        "columns": _columns(plan, domains),
        "uncertainty": {"confidence": CONFIDENCE, "meaning": UNCERTAINTY_STATEMENT, "sets": uncertainty},
        "rows": {"synthetic": synthetic_rows, "estimated_private": round(estimated_rows, 1)},
        "randomness": {"noise": _noise_statement(events), "sampling_seed": sample_seed},
        "not_covered": list(NOT_COVERED),
    }


def recompute(certificate: dict[str, Any]) -> dict[str, Any]:
    """ε and δ again, from the recorded events alone.

    Args:
        certificate: a certificate as JSON.

    Returns:
        The guarantee, the recomputed and the stated ε, the δ, and whether all agree and each training is charged what
        its steps cost. Without a guarantee ε and δ are None, and `statement` says so.

    Raises:
        InputError: the certificate is malformed or of an unknown version.
        UnsupportedEventError: a recorded event is unknown.
    """
    if not isinstance(certificate, dict) or certificate.get("certificate_version") != CERTIFICATE_VERSION:
        raise InputError(f"this is not a certificate of version {CERTIFICATE_VERSION}")
    try:
        recorded = [charge["event"] for charge in certificate["events"]]
        if certificate.get("guarantee") == NOT_GUARANTEED:
            return _recompute_without_guarantee(certificate["privacy"], recorded)
        delta = float(certificate["privacy"]["delta"])
        stated = float(certificate["privacy"]["epsilon"])
        trainings_covered = all(map(_covers_its_steps, _trainings(certificate["events"])))
    except (KeyError, TypeError, ValueError):
        raise InputError("the certificate lacks its events, its ε or its δ") from None
    if not 0.0 < delta < 1.0:
        raise InputError("the certificate states a δ that is not between 0 and 1")
    epsilon = compose_epsilon(recorded, delta)
    if not math.isfinite(epsilon):
        raise InputError(f"the recorded events give no ε at all, but the certificate states ε = {stated:.6g}")
    return {
        "guarantee": GUARANTEED,
        "epsilon": epsilon,
        "delta": delta,
        "stated_epsilon": stated,
        "agrees": trainings_covered and abs(epsilon - stated) <= 1e-9 * max(1.0, stated),
        "events": len(recorded),
    }


def _generator() -> dict[str, Any]:
    return {
        "name": "Synthetic Data Studio",
        "version": __version__,
        "code_sha256": code_digest(),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _recompute_without_guarantee(privacy: dict[str, Any], recorded: list[dict[str, Any]]) -> dict[str, Any]:
    """A certificate without a guarantee agrees with itself where it states no ε and records the unprotected reading."""
    return {
        "guarantee": NOT_GUARANTEED,
        "epsilon": None,
        "delta": None,
        "stated_epsilon": privacy["epsilon"],
        "agrees": privacy["epsilon"] is None and NON_PRIVATE in recorded,
        "events": len(recorded),
        "statement": NO_GUARANTEE,
    }


def _without_guarantee(
    plan: SynthesisPlan, domains: list[dict[str, Any]], synthetic_rows: int, sample_seed: int | None
) -> dict[str, Any]:
    """What a certificate says of a run that protects nobody: no number that could be taken for a privacy loss."""
    numbers = ("epsilon", "delta", "target_epsilon", "charged_epsilon", "mu", "rho_zcdp", "epsilon_zcdp", "accountant")
    columns = _columns(plan, domains)
    return {
        "neighbouring_relation": None,
        "privacy": {"statement": NO_GUARANTEE, "epsilon_at": [], **dict.fromkeys(numbers)},
        "columns": [column | {"domain_source": column["domain_source"] and "unprotected"} for column in columns],
        "uncertainty": {"confidence": None, "meaning": "No noise was drawn, so there is nothing to bound.", "sets": []},
        "rows": {"synthetic": synthetic_rows, "estimated_private": None},
        "randomness": {"noise": "none: nothing protects the rows", "sampling_seed": sample_seed},
        "not_covered": [NO_GUARANTEE],
    }


def _privacy(plan: SynthesisPlan, price: PlanPrice, events: list[dict[str, Any]]) -> dict[str, Any]:
    _, delta = plan.promised()
    recorded = [charge["event"] for charge in events]
    rho = sum(float(charge["rho"]) for charge in events)
    extra = sum(float(event.get("delta_extra", 0.0)) for event in recorded)
    zero_concentrated = {"type": "ZCDpEvent", "rho": rho, "xi": 0.0, "delta_extra": extra}
    return {
        "epsilon": compose_epsilon(recorded, delta),
        "delta": delta,
        "target_epsilon": plan.epsilon,
        "charged_epsilon": price.epsilon,
        "epsilon_at": [{"delta": each, "epsilon": compose_epsilon(recorded, each)} for each, _ in price.epsilon_at],
        "mu": total_mu(recorded),
        "rho_zcdp": rho,
        "epsilon_zcdp": rdp_epsilon([zero_concentrated], delta),
        "accountant": "; ".join([GAUSSIAN_ACCOUNTANT, *([TRAINING_ACCOUNTANT] if _trainings(events) else [])]),
    }


def _trainings(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [charge for charge in events if charge["mechanism"] == TRAINING_MECHANISM]


def _noise_statement(events: list[dict[str, Any]]) -> str:
    return "; ".join([NOISE_STATEMENT, *([GRADIENT_NOISE_STATEMENT] if _trainings(events) else [])])


def _covers_its_steps(charge: dict[str, Any]) -> bool:
    """Whether a training is charged as no less than its sampling rate, noise and steps cost."""
    steps = SampledGaussian(charge["sampling_rate"], charge["noise_multiplier"], charge["steps"])
    try:
        needed = gaussian_envelope(steps, delta_extra(charge["event"]))
    except PlanError:  # nothing covers such steps
        return False
    return total_mu([charge["event"]]) >= needed * (1.0 - 1e-6)


def _columns(plan: SynthesisPlan, domains: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_name = {domain["name"]: domain for domain in domains}
    return [_column(plan, field, by_name.get(field.name)) for field in plan.schema.fields]


def _column(plan: SynthesisPlan, field: Field, domain: dict[str, Any] | None) -> dict[str, Any]:
    column = {
        "name": field.name,
        "type": field.type.value,
        "treatment": field.treatment.value,
        "domain_source": None,
        "domain": "not read",
        "cells": None,
        "outside_rule": None,
    }
    if field.name == plan.unit.id_column:
        return column | {
            "treatment": Treatment.DROP.value,
            "domain": "read only to bound the rows of a person",
        }
    if domain is None:
        return column
    details = {key: domain[key] for key in ("domain", "cells", "outside_rule")}
    return column | {"domain_source": field.source.value} | details
