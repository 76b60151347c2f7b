"""What the document of a run without a privacy guarantee says: that there is none, and no number in place of one."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from app.reporting.content import (
    attachment,
    columns_line,
    evaluation_sentence,
    identity,
    items,
    method_rows,
    rule_rows,
)
from app.reporting.guarantee import COMPUTED, DECLARED, Json, Rows, part
from app.reporting.printable import clean, number_text, provided, statement
from engine.privacy.guarantee import NOT_GUARANTEED

TITLE = "Internal record of a synthetic table"
BANNER = "No privacy guarantee: for internal use only"

HANDLING = (
    "Keep the table, this document and the record where the private rows may be kept, for whoever may see those.",
    "Do not release them, share them outside the organisation, or publish figures made from them.",
    "Delete them when the comparison is done.",
    "To release a table, make one with a method that has a privacy guarantee, and release that one.",
)


def is_unprotected(certificate: Json) -> bool:
    """Whether a certificate states that there is no privacy guarantee."""
    return certificate.get("guarantee") == NOT_GUARANTEED


def build_unprotected_content(
    certificate: Json, ledger: Json, dataset: Json, *, has_evaluation: bool, created: datetime
) -> dict[str, Any]:
    """The document as plain texts; it prints no ε, of this run or of any other.

    Args:
        certificate: of the run.
        ledger: of the dataset; only the document's id depends on it.
        dataset: name, id, what its owner declared, and the digest of the synthetic file.
        has_evaluation: whether an internal report was made.
        created: when the document is made.
    """
    attached = attachment(certificate)
    return {
        "title": TITLE,
        "banner": BANNER,
        "dataset": provided(dataset, "name"),
        "identity": identity(certificate, ledger, dataset, created),
        "statement": _statement(certificate),
        "method": method_rows(certificate),
        "columns_line": columns_line(items(certificate, "columns")),
        "columns": [_column(column) for column in items(certificate, "columns")],
        "rules": rule_rows(certificate),
        "randomness": _randomness(certificate, dataset),
        "events": [_event(event) for event in items(certificate, "events")],
        "handling": list(HANDLING),
        "evaluation": evaluation_sentence(has_evaluation),
        "certificate_sha256": clean(hashlib.sha256(attached).hexdigest()),
    }


def _statement(certificate: Json) -> str:
    """The certificate's own words, sentence by sentence, since a text of unknown length is cut off."""
    sentences = str(part(certificate, "privacy").get("statement", "")).split(". ")
    return ". ".join(clean(sentence) for sentence in sentences)


def _column(column: Json) -> list[str]:
    return [provided(column, key) for key in ("name", "type", "treatment", "domain")]


def _randomness(certificate: Json, dataset: Json) -> Rows:
    rows, seed = part(certificate, "rows"), part(certificate, "randomness").get("sampling_seed")
    return [
        ["Private rows, as declared", number_text(dataset.get("declared_rows")), DECLARED],
        ["Synthetic rows", number_text(rows.get("synthetic")), COMPUTED],
        ["Noise", statement(part(certificate, "randomness"), "noise"), COMPUTED],
        ["Seed of the sampling", "none was kept" if seed is None else clean(seed), COMPUTED],
    ]


def _event(event: Json) -> list[str]:
    reads = event.get("reads") or []
    names = ", ".join(clean(name) for name in reads) if len(reads) <= 8 else f"{len(reads)} columns"
    return [provided(event, "sequence"), provided(event, "purpose"), names or provided(event, "reads")]
