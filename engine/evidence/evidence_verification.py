"""Whether evidence is as it was signed, and agrees with itself."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.certificate import recompute
from engine.errors import EngineError, InputError
from engine.evidence.canonical import read_canonical
from engine.evidence.checks import Check, bad, good
from engine.evidence.keys import digest
from engine.evidence.names import EVIDENCE_NAME, EVIDENCE_VERSION, SIGNATURE_NAME
from engine.evidence.statements import EVIDENCE, check_statement
from engine.privacy.sampled_gaussian import LARGEST_MU

MOST_EVENTS = 20_000
MOST_STEPS = 10_000_000
_RECORDED = ("GaussianDpEvent", "NonPrivateDpEvent", "NoOpDpEvent")

STATEMENT, KEYS, LOSS, ORIGIN = "evidence signature", "keys", "privacy loss", "origin"


@dataclass(frozen=True)
class SignedEvidence:
    """What was found about evidence and its signature.

    Args:
        checks: all that was looked at.
        json: the evidence; None where it is not in its canonical form.
        fingerprint: of the key that signed it; None where its signature does not hold.
        sha256: of the evidence; None where it is not in its canonical form.
    """

    checks: tuple[Check, ...]
    json: Mapping[str, Any] | None
    fingerprint: str | None
    sha256: str | None


def check_evidence(content: bytes, signature: bytes | None) -> SignedEvidence:
    """Check evidence, its signature, and that ε follows from the events that it records.

    Args:
        content: the evidence.
        signature: its signature; None where there is none.

    Raises:
        InputError: the evidence is of a version that is not known here.
    """
    try:
        evidence = read_canonical(content, EVIDENCE_NAME)
    except InputError as error:
        return SignedEvidence((bad(EVIDENCE_NAME, _sentence(error)),), None, None, None)
    if not isinstance(evidence, dict) or "evidence_version" not in evidence:
        raise InputError("this JSON is not evidence of Synthetic Data Studio: it lacks its version")
    if evidence["evidence_version"] != EVIDENCE_VERSION:
        raise InputError(f"this evidence is not of version {EVIDENCE_VERSION}: verify it with the program it came from")
    checks = [good(EVIDENCE_NAME, "The evidence is in its one canonical form (RFC 8785).")]
    statement, fingerprint = check_signed(content, signature, SIGNATURE_NAME, EVIDENCE)
    checks.append(statement)
    if fingerprint is not None:
        checks.append(_check_statement_key(evidence, fingerprint))
    checks.append(check_loss(evidence))
    return SignedEvidence(tuple(checks), evidence, fingerprint, digest(content))


def check_signed(content: bytes, signature: bytes | None, name: str, purpose: str) -> tuple[Check, str | None]:
    """Check the signature over a statement.

    Args:
        content: what is stated.
        signature: the file with its signature; None where there is none.
        name: of that file.
        purpose: what is stated.

    Returns:
        What was found, and the fingerprint of the key where the signature holds.
    """
    if signature is None:
        return bad(name, f"The signature {name} is missing, so nothing shows who made this statement."), None
    try:
        fingerprint = check_statement(content, read_canonical(signature, name), purpose)
    except InputError as error:
        return bad(name, f"{_sentence(error)}"), None
    return good(name, f"The Ed25519 signature holds; the key has the fingerprint {fingerprint}."), fingerprint


def check_document_key(evidence: Mapping[str, Any], fingerprint: str, chain: Collection[str]) -> Check:
    """Check that evidence names the certificate that signed the PDF, so that neither came from somebody else.

    Args:
        evidence: the evidence that is attached to the PDF.
        fingerprint: of the certificate that signed the PDF.
        chain: fingerprints of its issuers' certificates in the PDF.
    """
    named = _mapping(_mapping(evidence, "signing"), "document_key")
    if named.get("fingerprint") != fingerprint or named.get("chain", []) != sorted(chain):
        return bad(KEYS, "The PDF was signed with another certificate than the one that the signed evidence names.")
    return good(KEYS, "The evidence names the certificate that signed the PDF, and the PDF holds that evidence.")


def check_origin(used: Collection[str], known: Collection[str] | None) -> Check:
    """Check whose keys signed.

    Args:
        used: fingerprints of the keys that signed.
        known: fingerprints that the reader trusts; None where the reader named no keys.
    """
    if not used:
        return bad(ORIGIN, "No signature holds, so nothing shows where this comes from.")
    if known is None:
        return good(
            ORIGIN,
            "Not proven: anybody can make keys. Compare the fingerprints with those that the issuer publishes: "
            f"{', '.join(used)}.",
        )
    if strange := [fingerprint for fingerprint in used if fingerprint not in known]:
        return bad(ORIGIN, f"Signed with a key that is not among those given: {', '.join(strange)}.")
    return good(ORIGIN, "Signed with keys that are among those given.")


def check_loss(evidence: Mapping[str, Any]) -> Check:
    """Check that ε follows from the recorded events, and is what the evidence states."""
    stated = _mapping(evidence, "recomputed")
    try:
        found = recompute_bounded(evidence.get("certificate"))
    except EngineError as error:
        return bad(LOSS, f"ε cannot be computed again: {error}.")
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
        return bad(LOSS, "ε cannot be computed again: a recorded event holds no number that a run could have.")
    if not found["agrees"]:
        return bad(LOSS, "The recorded events do not give the ε that the certificate states.")
    if found["epsilon"] is None:
        if stated.get("epsilon") is not None:
            return bad(LOSS, "There is no privacy guarantee, but the evidence states an ε.")
        return good(LOSS, "There is no privacy guarantee and no ε, and none is stated.")
    same = all(_is_close(stated.get(name), found[name]) for name in ("epsilon", "delta"))
    if not same or stated.get("agrees") is not True:
        return bad(LOSS, f"The recorded events give ε = {found['epsilon']:.6g}, but the evidence states another.")
    return good(
        LOSS,
        f"The recorded events give ε = {found['epsilon']:.6g} at δ = {found['delta']:.3g}, as the evidence states.",
    )


def recompute_bounded(certificate: Any) -> dict[str, Any]:
    """Compute ε again from a certificate of unknown origin, which must not make the computation endless.

    Args:
        certificate: the certificate, as JSON.

    Raises:
        InputError: it is malformed, or larger than any run makes it.
        UnsupportedEventError: a recorded event is unknown.
    """
    charges = certificate.get("events") if isinstance(certificate, Mapping) else None
    if not isinstance(charges, list) or len(charges) > MOST_EVENTS:
        raise InputError("the certificate lacks its events, or has more than any run records")
    for charge in charges:
        if not isinstance(charge, Mapping) or _mapping(charge, "event").get("type") not in _RECORDED:
            raise InputError("a recorded event is of a kind that no run records")
        if "steps" in charge and not _is_computable(charge):
            raise InputError("a recorded training has more steps, or less noise, than any run has")
    return recompute(dict(certificate))


def _check_statement_key(evidence: Mapping[str, Any], fingerprint: str) -> Check:
    if _mapping(_mapping(evidence, "signing"), "statement_key").get("fingerprint") != fingerprint:
        return bad(KEYS, "The evidence was signed with another key than the one that it names.")
    return good(KEYS, "The evidence was signed with the key that it names.")


def _is_computable(charge: Mapping[str, Any]) -> bool:
    """Whether the privacy loss of a training's steps can be computed in a moment."""
    numbers = [charge.get(name) for name in ("steps", "sampling_rate", "noise_multiplier")]
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        return False
    steps, rate, noise = (float(number) for number in numbers if number is not None)
    if not (1.0 <= steps <= MOST_STEPS and 0.0 < rate <= 1.0 and 0.1 <= noise <= 1e6):
        return False
    return rate * math.sqrt(steps * math.expm1(noise**-2.0)) <= 4.0 * LARGEST_MU


def _is_close(stated: Any, computed: float) -> bool:
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return False
    return math.isclose(stated, computed, rel_tol=1e-9, abs_tol=1e-12)


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, Mapping) else {}


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
