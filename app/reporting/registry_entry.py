"""The entry of a release for the public registry of deployments of differential privacy.

Source: opendp/deployments-registry-data, schemas/deployments-schema.yaml, in the form whose parts are `basic`,
    `dp_variant`, `privacy_loss`, `deployment_model`, `implementation` and `administrative`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from app.reporting.document import Statement, Status
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import Question
from app.reporting.frameworks.common import (
    ACCESS_CONTROL,
    DATA_OWNER_NAME,
    EPSILON_REASON,
    INTENDED_USE,
    ORGANISATION,
    ORGANISATION_KIND,
    OTHER_RELEASES,
    POPULATION,
    PUBLICATION_DATE,
    RECIPIENTS,
    REGION,
    TUNING,
    UNIT_REASON,
)
from app.reporting.printable import NOT_PROVIDED, clean
from app.reporting.rendering.markdown import escape
from app.reporting.sections.findings import utility_facts
from app.reporting.sections.phrases import counted, mechanism_text, number, records

STATUS = "Draft"
TIER = 3
"""All three levels of detail of the registry are filled in as far as somebody stated what belongs there."""

EPSILON_DIGITS = Decimal("0.0001")

_HEADER = (
    "A draft for the registry of deployments of differential privacy (opendp/deployments-registry-data).",
    "It was not submitted. Whether it is, the organisation decides that answers for the release.",
)


def registry_entry(evidence: Evidence) -> str:
    """The entry as YAML; its first lines list what a person has to complete before it can be submitted.

    Args:
        evidence: of a run with a privacy guarantee.

    Raises:
        ValueError: the run has none, and nothing of it belongs into the registry.
    """
    if not evidence.is_protected:
        raise ValueError("a run without a privacy guarantee has no entry in a registry of differential privacy")
    form = _Form(evidence)
    entry = {
        "url_slug": _slug(evidence),
        "deployment": {
            "basic": _basic(form),
            "dp_variant": _variant(form),
            "privacy_loss": _privacy_loss(form),
            "deployment_model": _model(form),
            "implementation": _implementation(form),
            "administrative": _administrative(form),
        },
    }
    header = [*_HEADER, *(["To be completed by a person:"] if form.open else []), *form.open]
    return "".join(f"# {line}\n" for line in header) + _dump(entry)


class _Form:
    """Fills in fields, and keeps what is open.

    Args:
        evidence: what is known.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.open: list[str] = []

    def answer(self, field: str, question: Question) -> str:
        """What was declared, or that it was not."""
        statement = question.statement(self.evidence)
        self._note(field, statement)
        return escape(statement.value)

    def choice(self, field: str, question: Question) -> dict[str, str]:
        """The field where it was declared; nothing otherwise, as the registry knows no word for that."""
        statement = question.statement(self.evidence)
        self._note(field, statement)
        return {} if statement.status is Status.OPEN else {field.rpartition(".")[2]: statement.value}

    def listed(self, field: str, statements: Iterable[Statement], *texts: str) -> str:
        """Facts and texts as a list."""
        lines = list(texts)
        for statement in statements:
            self._note(field, statement)
            lines.append(f"{statement.name}: {statement.value}")
        return "\n".join(f"- {escape(line)}" for line in lines)

    def _note(self, field: str, statement: Statement) -> None:
        if statement.status is Status.OPEN:
            self.open.append(f"- deployment.{field}: {statement.name} ({statement.by})")


def _basic(form: _Form) -> dict[str, Any]:
    evidence = form.evidence
    size = facts.sizes(evidence).value
    return {
        "name": escape(clean(evidence.at("/dataset/name"))),
        "data_curators": [
            {
                "data_curator_name": form.answer("basic.data_curators.data_curator_name", ORGANISATION),
                **form.choice("basic.data_curators.data_curator_type", ORGANISATION_KIND),
            }
        ],
        "description": form.listed(
            "basic.description",
            (facts.method(evidence), POPULATION.statement(evidence)),
            f"A synthetic table. Rows: {size}",
        ),
        "intended_use": form.answer("basic.intended_use", INTENDED_USE),
        "data_product_type": "Synthetic data",
        "data_product_region": form.answer("basic.data_product_region", REGION),
        **_publication(form),
    }


def _publication(form: _Form) -> dict[str, str]:
    found = form.choice("basic.publication_date", PUBLICATION_DATE)
    return {name: day[:10] for name, day in found.items()}


def _variant(form: _Form) -> dict[str, Any]:
    evidence = form.evidence
    place = "/certificate/columns"
    return {
        "variant_name": "Approximate DP",
        "data_domain": form.listed(
            "dp_variant.data_domain",
            (evidence.computed("Columns", place, text=_names),),
            "All tables with the columns of the schema, of any number of rows.",
        ),
        "unprotected_quantities": form.listed(
            "dp_variant.unprotected_quantities",
            (evidence.computed("Columns whose values or bounds were stated, not measured", place, text=_stated),),
            "Names, types and order of the columns, and rules that the owner stated, are taken as public.",
        ),
    }


def _names(columns: Any) -> str:
    names = [clean(column.get("name")) for column in records(columns)]
    more = f" and {len(names) - facts.MOST_NAMES:,} more" if len(names) > facts.MOST_NAMES else ""
    return f"{len(names):,}: {', '.join(names[: facts.MOST_NAMES])}{more}"


def _stated(columns: Any) -> str:
    return _names([column for column in records(columns) if column.get("domain_source") in ("public", "declared")])


def _privacy_loss(form: _Form) -> dict[str, Any]:
    evidence = form.evidence
    return {
        "privacy_unit": escape(facts.unit(evidence).value),
        "privacy_unit_details": form.listed(
            "privacy_loss.privacy_unit_details", (facts.neighbours(evidence), UNIT_REASON.statement(evidence))
        ),
        **_units(evidence),
        "privacy_parameters": _parameters(evidence),
        "privacy_parameters_details": form.listed(
            "privacy_loss.privacy_parameters_details",
            (facts.native_parameters(evidence), facts.recomputed(evidence), facts.composed_loss(evidence)),
        ),
    }


def _parameters(evidence: Evidence) -> dict[str, float]:
    """ε is rounded up, so that the entry never states less than was spent."""
    epsilon, delta = (number(evidence.at(f"/certificate/privacy/{name}")) for name in ("epsilon", "delta"))
    found = {} if epsilon is None else {"epsilon": _rounded_up(epsilon)}
    return found if delta is None else {**found, "delta": delta}


def _rounded_up(value: float) -> float:
    return float(Decimal(repr(value)).quantize(EPSILON_DIGITS, rounding=ROUND_CEILING))


def _units(evidence: Evidence) -> dict[str, int]:
    """About how many units there are, where each row is one: from noisy counts, never the exact number."""
    rows = number(evidence.at("/certificate/rows/estimated_private"))
    is_row = evidence.at("/certificate/unit/kind") == "row"
    return {"number_of_privacy_units": round(rows)} if is_row and rows is not None else {}


def _model(form: _Form) -> dict[str, Any]:
    evidence = form.evidence
    recipients = RECIPIENTS.statement(evidence)
    return {
        "model_name": "Central",
        "trust_assumptions": form.listed("deployment_model.trust_assumptions", (), *_TRUST),
        "actors": form.listed(
            "deployment_model.actors",
            (evidence.computed("Who sees private rows", "/access/who_sees_rows"), recipients),
        ),
        "release_type": "One release",
        "release_type_details": form.listed(
            "deployment_model.release_type_details", (OTHER_RELEASES.statement(evidence),)
        ),
        "data_source_type": "Static",
        "access_type": "Non-interactive",
        "access_type_details": "The synthetic table is published as a file. Nobody can query the private rows.",
    }


_TRUST = (
    "Whoever operates the software holds the private rows and is trusted with them.",
    "Whoever receives the synthetic table may know everything about all units but one, and may compute without limit.",
)


def _implementation(form: _Form) -> dict[str, Any]:
    evidence = form.evidence
    return {
        "preprocessing_and_hyperparameter_tuning": form.listed(
            "implementation.preprocessing_and_hyperparameter_tuning", (TUNING.statement(evidence),), *_PREPROCESSING
        ),
        "mechanisms": form.listed(
            "implementation.mechanisms",
            (
                evidence.computed("Source of the method", "/certificate/method/source"),
                evidence.computed("Mechanisms", "/certificate/events", text=_mechanisms),
                evidence.computed("Noise", "/certificate/randomness/noise"),
                ACCESS_CONTROL.statement(evidence),
            ),
        ),
        "composition": form.listed(
            "implementation.composition", (evidence.computed("Accountant", "/certificate/privacy/accountant"),)
        ),
        "post_processing": "Rows are drawn from the fitted model alone. No private row is read again for it.",
        "justification": form.listed("implementation.justification", (EPSILON_REASON.statement(evidence),)),
        "utility": form.listed("implementation.utility", utility_facts(evidence)),
        "additional_information": escape(
            f"Signed evidence: document {clean(evidence.at('/document/id'))}, version "
            f"{clean(evidence.at('/document/version'))}."
        ),
    }


_PREPROCESSING = (
    "Domains of columns are public, declared, or measured and charged; what is outside of them is treated by a fixed "
    "rule.",
    "Parameters of the method are fixed before the private rows are read, or chosen by charged measurements.",
)


def _mechanisms(events: Any) -> str:
    """Each mechanism once, and how often it was used."""
    names = [mechanism_text(event) for event in records(events)]
    return "; ".join(f"{name} ({counted(names.count(name), 'time')})" for name in dict.fromkeys(names)) or NOT_PROVIDED


def _administrative(form: _Form) -> dict[str, Any]:
    evidence = form.evidence
    created = str(evidence.at("/document/created"))
    return {
        "evidence_sources": {
            "evidence_report": {
                "misc": {
                    "title": "Technical evidence for a privacy review",
                    "year": created[:4],
                    "note": f"document {clean(evidence.at('/document/id'))}",
                }
            },
            "method_paper": {"misc": {"title": escape(clean(evidence.at("/certificate/method/source")))}},
        },
        "status": STATUS,
        "registry_authors": [form.answer("administrative.registry_authors", DATA_OWNER_NAME)],
        "tier": TIER,
    }


def _slug(evidence: Evidence) -> str:
    """A stable name of letters, digits and hyphens, unique by the document's id."""
    plain = unicodedata.normalize("NFKD", str(evidence.at("/dataset/name"))).encode("ascii", "ignore").decode()
    name = re.sub("[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-")
    return "-".join(part for part in (name, str(evidence.at("/document/id"))[:8]) if part)


def _dump(entry: Mapping[str, Any]) -> str:
    """YAML in which a text of several lines keeps them, as the registry wants."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, represent)
    return str(yaml.dump(entry, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110))
