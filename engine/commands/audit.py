"""`audit`: what many runs on simulated neighbours prove of a method's privacy loss."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, InputError
from engine.privacy.plan import DEFAULT_DELTA

if TYPE_CHECKING:
    from engine.audit.audit import AuditResult

EPSILONS = (1.0, 4.0)
"""Claims that a recorded audit tests: a leak shows best at a small ε, noise of a wrong scale at a larger one."""

RECORDED_RUNS, RECORDED_TRAININGS = {1.0: 8000, 4.0: 2400}, 600
"""Runs per side of a recorded audit, more where less can be told apart; and of a method that trains, at any ε."""


def add(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "audit", help="bound a method's privacy loss from below, by many runs on simulated neighbours"
    )
    command.add_argument("--method", help="a method with a guarantee")
    command.add_argument("--epsilon", type=float, help="what each run claims")
    command.add_argument("--delta", type=float, default=DEFAULT_DELTA, help=f"default: {DEFAULT_DELTA:g}")
    command.add_argument("--runs", type=int, help="runs with and as many without the canary; default: 600")
    command.add_argument("--confidence", type=float, default=0.999, help="of all bounds together; default: 0.999")
    command.add_argument("--out", type=Path, metavar="AUDIT.json")
    command.add_argument(
        "--all", action="store_true", help="every method with a guarantee, at ε = 1 and 4, by thousands of runs"
    )
    command.add_argument("--record", action="store_true", help="keep the audit of all methods in the package")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Carry it out.

    Raises:
        InputError: the options do not go together.
        EngineError: a method loses more than it claims.
    """
    if options.all == (options.method is not None) or options.all == (options.epsilon is not None):
        raise InputError("state --method and --epsilon, or --all")
    if options.record and not options.all:
        raise InputError("an audit is recorded for all methods together: add --all")
    results = _all(options) if options.all else [_one(options, options.method, options.epsilon, options.runs or 600)]
    found = [result.to_json() for result in results]
    if options.out is not None:
        value = found if options.all else found[0]
        options.out.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for result in results:
        _check(result)
    if options.record:
        _record(found, results[0].version)
    return {"verdict": results[0].verdict, "audits": [_summary(result) for result in results]}


def _all(options: argparse.Namespace) -> list[AuditResult]:
    from engine.synthesizers.deep import DeepSynthesizer
    from engine.synthesizers.registry import list_methods, synthesizer_class

    results = []
    for info in list_methods():
        if info.private:
            trains = issubclass(synthesizer_class(info.name), DeepSynthesizer)
            for epsilon in EPSILONS:
                runs = options.runs or (RECORDED_TRAININGS if trains else RECORDED_RUNS[epsilon])
                results.append(_one(options, info.name, epsilon, runs))
    return results


def _one(options: argparse.Namespace, method: str, epsilon: float, runs: int) -> AuditResult:
    from engine.audit.audit import audit

    return audit(method, epsilon, options.delta, runs=runs, confidence=options.confidence)


def _check(result: AuditResult) -> None:
    """Refuse to pass over a fault, as a certificate that does not agree with itself is refused."""
    if result.is_violated:
        epsilon = max(proof.epsilon for proof in result.proofs)
        mu = max(proof.mu for proof in result.proofs)
        raise EngineError(
            f"the method {result.method!r} claims ε = {result.epsilon:g} and μ = {result.mu:.3f}, but loses at least "
            f"ε = {epsilon:.3f} and μ = {mu:.3f}, with confidence {result.confidence:g}: do not use it"
        )


def _record(found: list[dict[str, Any]], version: str) -> None:
    from engine.audit.recorded import RecordedAudits, code_digest

    RecordedAudits(version, datetime.now(UTC).date().isoformat(), code_digest(), tuple(found)).save()


def _summary(result: AuditResult) -> dict[str, Any]:
    proofs = {proof.adversary: asdict(proof) for proof in result.proofs}
    return {
        "method": result.method,
        "epsilon": result.epsilon,
        "delta": result.delta,
        "mu": result.mu,
        "runs": result.runs,
        "confidence": result.confidence,
        "epsilon_at_least": {name: proof["epsilon"] for name, proof in proofs.items()},
        "mu_at_least": {name: proof["mu"] for name, proof in proofs.items()},
        "epsilon_of_mu": {name: proof["epsilon_of_mu"] for name, proof in proofs.items()},
        "verdict": result.verdict,
        "seconds": result.seconds,
    }
