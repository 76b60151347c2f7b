"""The model card of a synthetic table as a document of its own, and as a file for a hub of data sets."""

from __future__ import annotations

import re
from typing import Any

from app.reporting.document import Report, Section, Statement
from app.reporting.evidence import Evidence
from app.reporting.frameworks.common import LANGUAGE, LICENCE
from app.reporting.printable import clean
from app.reporting.rendering.markdown import render_markdown
from app.reporting.report import banner
from app.reporting.sections import model_card
from app.reporting.sections.cover import cover
from app.reporting.sections.phrases import number

COVER_FACTS = ("Document", "Version", "Status", "Edition", "Made", "Dataset", "Synthetic table")
"""Facts of the report's first page that the card repeats."""

HUB_LICENCES = frozenset(
    {"apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"}
    | {"cc-by-sa-4.0", "cc0-1.0", "cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0", "etalab-2.0"}
    | {"gpl-3.0", "mit", "odbl", "odc-by", "pddl"}
)
"""Licences that the hub knows by these names; any other is given as text."""

_SIZES = ((1e3, "n<1K"), (1e4, "1K<n<10K"), (1e5, "10K<n<100K"), (1e6, "100K<n<1M"), (1e7, "1M<n<10M"))
_LARGEST_SIZE = "n>10M"
_CODE = re.compile("[a-z]{2,3}")

_PREFACE = (
    "This card describes a synthetic table and how it was made. It is a summary of the signed report of the same "
    "document; where the two differ, the report holds. It is not a certification or legal advice."
)


def build_model_card(evidence: Evidence) -> Report:
    """The card as a document, for a run with a guarantee or without one.

    Args:
        evidence: what to say.
    """
    return Report(
        title=model_card.TITLE,
        subject=clean(evidence.at("/dataset/name")),
        banner=banner(evidence),
        is_alarm=evidence.is_internal or not evidence.is_protected,
        preface=_PREFACE,
        cover=_cover(evidence),
        sections=tuple(
            Section(str(place), title, blocks)
            for place, (title, blocks) in enumerate(model_card.parts(evidence), start=1)
        ),
        document_id=clean(evidence.at("/document/id")),
    )


def _cover(evidence: Evidence) -> tuple[Statement, ...]:
    return tuple(fact for fact in cover(evidence) if fact.name in COVER_FACTS)


def model_card_markdown(evidence: Evidence) -> str:
    """The card as Markdown, with what hubs read by machine in its front matter.

    Args:
        evidence: what to say.

    Source: Hugging Face Hub documentation, dataset card metadata.
    """
    import yaml

    front = yaml.safe_dump(_front_matter(evidence), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n{render_markdown(build_model_card(evidence))}"


def _front_matter(evidence: Evidence) -> dict[str, Any]:
    """Only what was computed or declared: a licence or a language that nobody stated is left out."""
    rows = number(evidence.at("/certificate/rows/synthetic"))
    privacy = ["differential-privacy"] if evidence.is_protected else ["no-privacy-guarantee"]
    return {
        "pretty_name": clean(evidence.at("/dataset/name")),
        **_languages(evidence.at(f"/declarations/values/{LANGUAGE.id}")),
        **_licence(evidence.at(f"/declarations/values/{LICENCE.id}")),
        "tags": ["synthetic", *privacy, "tabular"],
        **({} if rows is None else {"size_categories": [_size(rows)]}),
    }


def _size(rows: float) -> str:
    return next((name for limit, name in _SIZES if rows < limit), _LARGEST_SIZE)


def _languages(stated: Any) -> dict[str, Any]:
    codes = str(stated or "").lower().replace(",", " ").split()
    return {"language": codes} if codes and all(map(_CODE.fullmatch, codes)) else {}


def _licence(stated: Any) -> dict[str, Any]:
    if not stated:
        return {}
    name = str(stated).strip().lower()
    return {"license": name} if name in HUB_LICENCES else {"license": "other", "license_name": clean(stated)}
