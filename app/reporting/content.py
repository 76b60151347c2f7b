"""What the releasable document says, as plain data for its template.

Every number here is in the certificate or the ledger. Nothing is computed from private rows, and the internal
evaluation is never read: its statistics were not charged to any budget.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.reporting.guarantee import (
    COMPUTED,
    DECLARED,
    Json,
    Rows,
    band_sentence,
    guarantee_rows,
    odds_sentence,
    part,
    size_sentence,
    suspicion_rows,
    unit_text,
)
from app.reporting.printable import (
    NOT_PROVIDED,
    clean,
    delta_text,
    epsilon_text,
    number_text,
    percent_text,
    provided,
    remainder_text,
    statement,
)
from engine.data.schema import EXTENSION_KEY
from engine.privacy.guarantee import NOT_GUARANTEED

OPEN = "to be completed by a person"

_SOURCES = {"public": "public", "declared": "declared", "measured": "measured", None: "not read"}
_TREATMENTS = {"synthesize": "synthesized", "fake": "faked", "drop": "dropped"}
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
_OPEN_QUESTIONS = (
    "Purpose of the synthesis, and the legal basis for processing the private rows to this end",
    "Who receives the synthetic table, and what else they hold about the same people",
    "Why the unit of protection matches the harm that is to be prevented",
    "Who may see the private rows, how long they are kept, and when they are deleted",
    "Other releases from the same or overlapping data, made elsewhere",
    "Decision on the release, in the words of whoever decides",
    "Name, role and date of whoever decides; date of the next review",
)


def build_content(
    certificate: Json, ledger: Json, dataset: Json, *, has_evaluation: bool, created: datetime
) -> dict[str, Any]:
    """The document as plain texts; whatever is missing says so.

    Args:
        certificate: of the run.
        ledger: of the dataset.
        dataset: name, id, what its owner declared, and the digest of the synthetic file.
        has_evaluation: whether an internal report was made.
        created: when the document is made.
    """
    attached = attachment(certificate)
    privacy = part(certificate, "privacy")
    return {
        "title": "Technical evidence for a privacy review",
        "banner": None,
        "dataset": provided(dataset, "name"),
        "identity": identity(certificate, ledger, dataset, created),
        "summary": _summary(certificate, ledger),
        "guarantee": guarantee_rows(certificate),
        "epsilon_at": [
            [delta_text(point.get("delta")), epsilon_text(point.get("epsilon"))]
            for point in items(privacy, "epsilon_at")
        ],
        "odds": suspicion_rows(privacy.get("epsilon")),
        "size": size_sentence(certificate),
        "columns_line": columns_line(items(certificate, "columns")),
        "columns": [_column(column) for column in items(certificate, "columns")],
        "rules": rule_rows(certificate),
        "ledger": _ledger(ledger),
        "entries": [_entry(entry) for entry in items(ledger, "entries")],
        "method": method_rows(certificate),
        "measurements": _measurements(items(certificate, "events")),
        "randomness": _randomness(certificate, dataset),
        "not_covered": [clean(sentence) for sentence in items(certificate, "not_covered")],
        "evaluation": evaluation_sentence(has_evaluation),
        "certificate_sha256": clean(hashlib.sha256(attached).hexdigest()),
        "statements": _statements(),
        "open": list(_OPEN_QUESTIONS),
        "events": [_event(event) for event in items(certificate, "events")],
    }


def attachment(certificate: Json) -> bytes:
    """The certificate as the bytes that the document carries."""
    return (json.dumps(certificate, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def identity(certificate: Json, ledger: Json, dataset: Json, created: datetime) -> Rows:
    """What the document is about, and who made it of what."""
    generator = part(certificate, "generator")
    rows = part(certificate, "rows")
    whole = json.dumps([certificate, ledger, dataset, created.isoformat()], sort_keys=True, default=str)
    document_id = uuid.UUID(bytes=hashlib.sha256(whole.encode()).digest()[:16], version=5)
    return [
        ["Document", str(document_id)],
        ["Made", created.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")],
        ["Dataset", f"{provided(dataset, 'name')} ({provided(dataset, 'id')})"],
        ["Declared by", provided(dataset, "declared_by")],
        ["Columns confirmed", provided(dataset, "schema_confirmed_at")],
        ["Run", f"{provided(dataset, 'run_id')}, finished {provided(certificate, 'created')}"],
        ["Synthetic table", f"{number_text(rows.get('synthetic'))} rows, {_n_written(certificate)} columns"],
        ["SHA-256 of the synthetic file", provided(dataset, "synthetic_sha256")],
        ["Made by", f"{provided(generator, 'name')} {provided(generator, 'version')}"],
    ]


def _n_written(certificate: Json) -> str:
    columns = items(certificate, "columns")
    return str(sum(column.get("treatment") != "drop" for column in columns)) if columns else NOT_PROVIDED


def _summary(certificate: Json, ledger: Json) -> dict[str, Any]:
    privacy = part(certificate, "privacy")
    epsilon, delta = privacy.get("epsilon"), privacy.get("delta")
    return {
        "headline": f"ε = {epsilon_text(epsilon)} at δ = {delta_text(delta)}, for {unit_text(certificate)}",
        "odds": odds_sentence(certificate),
        "band": band_sentence(epsilon),
        "facts": [
            ["Protected", unit_text(certificate), DECLARED],
            ["This release", f"ε = {epsilon_text(epsilon)}, δ = {delta_text(delta)}", COMPUTED],
            ["All releases of this dataset so far", _spent_text(ledger), COMPUTED],
            ["Learned from the private rows", _learned_text(certificate), COMPUTED],
            ["Taken on trust", _trusted_text(certificate), DECLARED],
        ],
    }


def _spent_text(ledger: Json) -> str:
    if not ledger:
        return NOT_PROVIDED
    return (
        f"ε = {epsilon_text(ledger.get('epsilon_spent'))} of {epsilon_text(ledger.get('epsilon_cap'))}, "
        f"composed at δ = {delta_text(ledger.get('delta'))}"
        + (f"; {outside} further without a privacy guarantee, see section 4" if (outside := _n_outside(ledger)) else "")
    )


def _learned_text(certificate: Json) -> str:
    events = items(certificate, "events")
    noun = "measurement" if len(events) == 1 else "measurements"
    return f"{len(events)} charged {noun}, each with noise; nothing else in the file comes from them"


def _trusted_text(certificate: Json) -> str:
    columns = items(certificate, "columns")
    stated = sum(column.get("domain_source") in ("public", "declared") for column in columns)
    n_rules = len(rule_rows(certificate))
    rules = f", {n_rules} {'rule' if n_rules == 1 else 'rules'} between columns" if n_rules else ""
    return f"The values or bounds of {stated} of {len(columns)} columns{rules}, and the unit of protection"


def columns_line(columns: Sequence[Json]) -> str:
    """How many columns were synthesized, faked and dropped."""
    counts = dict.fromkeys(_TREATMENTS.values(), 0)
    for column in columns:
        counts[_TREATMENTS.get(str(column.get("treatment")), "dropped")] += 1
    parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{len(columns)} columns: {parts}." if columns else "The columns are not provided."


def _column(column: Json) -> list[str]:
    treatment = _TREATMENTS.get(str(column.get("treatment")), provided(column, "treatment"))
    source = column.get("domain_source")
    outside = column.get("outside_rule")
    return [
        provided(column, "name"),
        provided(column, "type"),
        treatment,
        provided(column, "domain"),
        _SOURCES.get(source, clean(source)),
        clean(outside) if outside is not None else "\N{EN DASH}",
    ]


def rule_rows(certificate: Json) -> Rows:
    """Each public rule in words, whether the run kept to it, and who said so."""
    modelled = {
        column.get("name") for column in items(certificate, "columns") if column.get("treatment") == "synthesize"
    }
    rows = []
    for rule in items(part(part(certificate, "schema"), EXTENSION_KEY), "rules"):
        if rule.get("kind") == "at_most":
            names = [rule.get("low"), rule.get("high")]
            said = f"{clean(names[0])} is at most {clean(names[1])}"
        else:
            names = items(rule, "columns")
            listed = number_text(len(items(rule, "rows")))
            said = f"{' and '.join(map(clean, names))} occur in {listed} listed combinations only"
        kept = "in every synthetic row" if modelled.issuperset(names) else "passed over: a column is not synthesized"
        rows.append([said, kept, DECLARED])
    return rows


def _n_outside(ledger: Json) -> int:
    return sum(_is_outside(entry) for entry in items(ledger, "entries"))


def _is_outside(entry: Json) -> bool:
    return entry.get("guarantee") == NOT_GUARANTEED


def _ledger(ledger: Json) -> Rows:
    outside = _n_outside(ledger)
    warning = (
        f"{outside}, outside the budget: no total above counts them, and none holds if a file of one was passed on"
    )
    return [
        ["Cap that the owner set", epsilon_text(ledger.get("epsilon_cap"))],
        ["Spent, composed", epsilon_text(ledger.get("epsilon_spent"))],
        ["Reserved by runs in progress", epsilon_text(ledger.get("epsilon_reserved"))],
        ["Left", remainder_text(ledger.get("epsilon_left"))],
        ["Sum of the ε of all runs, for comparison", epsilon_text(ledger.get("sum_of_epsilons"))],
        ["δ at which they are composed", delta_text(ledger.get("delta"))],
        *([["Runs without a privacy guarantee", warning]] if outside else []),
    ]


def _entry(entry: Json) -> list[str]:
    is_outside = _is_outside(entry)
    return [
        provided(entry, "created_at"),
        provided(entry, "run_id"),
        provided(entry, "user"),
        provided(entry, "purpose"),
        "outside the budget" if is_outside else provided(entry, "state"),
        "no privacy guarantee" if is_outside else epsilon_text(entry.get("epsilon")),
    ]


def method_rows(certificate: Json) -> Rows:
    """The method, its settings, and what it ran on."""
    method, generator = part(certificate, "method"), part(certificate, "generator")
    libraries = ", ".join(f"{clean(name)} {clean(text)}" for name, text in part(generator, "libraries").items())
    return [
        ["Method", provided(method, "title")],
        ["Source", provided(method, "source")],
        *_settings(part(method, "parameters")),
        ["Python", provided(generator, "python")],
        ["Libraries", libraries or NOT_PROVIDED],
    ]


def _settings(settings: Json, prefix: str = "") -> Rows:
    """A line per setting; settings within a setting follow it, under its name."""
    rows: Rows = []
    for name, value in settings.items():
        if isinstance(value, dict):
            rows += _settings(value, f"{prefix}{name} ")
        else:
            rows.append([_words(prefix + name), number_text(value) if isinstance(value, int | float) else clean(value)])
    return rows


def _words(name: Any) -> str:
    return clean(str(name).replace("_", " ").capitalize())


def _measurements(events: Sequence[Json]) -> Rows:
    """Events of one kind in one line: purpose, mechanism, how many, noise, part of the run's privacy loss."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for event in events:
        key = (provided(event, "purpose"), _mechanism(event), _noise(event))
        groups.setdefault(key, []).append(_rho(event))
    total = math.fsum(_rho(event) for event in events)
    return [
        [*key, str(len(rhos)), percent_text(math.fsum(rhos) / total) if total > 0 else NOT_PROVIDED]
        for key, rhos in groups.items()
    ]


def _rho(event: Json) -> float:
    rho = event.get("rho")
    return float(rho) if isinstance(rho, int | float) else 0.0


def _mechanism(event: Json) -> str:
    name = event.get("mechanism")
    return _MECHANISMS.get(str(name)) or (_words(name) if name is not None else NOT_PROVIDED)


def _noise(event: Json) -> str:
    scale, multiplier = event.get("noise_scale"), event.get("noise_multiplier")
    if isinstance(multiplier, int | float):
        samples = f"{number_text(event.get('steps'))} samples of {number_text(event.get('sampling_rate'))} of the units"
        return f"σ = {number_text(multiplier)} × largest contribution, in each of {samples}"
    if isinstance(scale, int | float):
        return f"σ = {number_text(scale)} rows"
    selection = event.get("selection_epsilon")
    return f"ε = {number_text(selection)} each" if isinstance(selection, int | float) else NOT_PROVIDED


def _event(event: Json) -> list[str]:
    reads = event.get("reads") or []
    names = ", ".join(clean(name) for name in reads) if len(reads) <= 3 else f"{len(reads)} columns"
    return [
        provided(event, "sequence"),
        provided(event, "purpose"),
        _mechanism(event),
        names or NOT_PROVIDED,
        _noise(event),
    ]


def _randomness(certificate: Json, dataset: Json) -> list[list[str]]:
    rows, randomness = part(certificate, "rows"), part(certificate, "randomness")
    seed = randomness.get("sampling_seed")
    return [
        ["Private rows, as declared", number_text(dataset.get("declared_rows")), DECLARED],
        ["Synthetic rows", number_text(rows.get("synthetic")), COMPUTED],
        [
            "Private rows, measured",
            f"about {number_text(_whole(rows.get('estimated_private')))}, estimated from the noisy measurements; "
            "the exact number was not released",
            COMPUTED,
        ],
        ["Noise", statement(randomness, "noise"), COMPUTED],
        ["Seed of the sampling", "none was kept" if seed is None else clean(seed), COMPUTED],
    ]


def _whole(value: Any) -> Any:
    return round(value) if isinstance(value, int | float) else value


def evaluation_sentence(has_evaluation: bool) -> str:
    """That the internal report is not part of the document."""
    made = "An internal report was made" if has_evaluation else "No internal report was made"
    return (
        f"{made}. The internal report is not part of this document: it compares the synthetic table with private "
        "rows, no budget paid for its numbers, and it must not leave with the synthetic file."
    )


def _statements() -> Rows:
    return [
        ["ε, δ, the events, the composition and the ledger", COMPUTED, "sections 2, 4, 5; recomputable, section 8"],
        ["That at most so many rows of a unit were read", COMPUTED, "enforced before anything was measured"],
        ["Who is protected, and by which column persons are told apart", DECLARED, "by the owner of the dataset"],
        [
            "Domains marked public or declared, and rules",
            DECLARED,
            "by the owner of the dataset; not checked against the rows",
        ],
        ["Everything under section 9.1", OPEN, "no software can know it"],
    ]


def items(values: Json, key: str) -> list[Any]:
    """A list inside a JSON object; empty where there is none."""
    found = values.get(key)
    return list(found) if isinstance(found, Sequence) and not isinstance(found, str) else []
