"""The releasable document of a run, as PDF."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from app.reporting.content import attachment, build_content
from app.reporting.released import released_rows
from app.reporting.rendering.glyphs import breakable, with_glyphs
from app.reporting.unprotected import build_unprotected_content, is_unprotected

STYLE, TEMPLATE, UNPROTECTED_TEMPLATE = (
    Path(__file__).with_name(name) for name in ("style.typ", "report.typ", "unprotected.typ")
)
STANDARDS: list[Literal["a-3a", "ua-1"]] = ["a-3a", "ua-1"]
"""Archivable with attachments, and readable by assistive technology."""


def render_pdf(
    *,
    certificate: Mapping[str, Any],
    ledger: Mapping[str, Any],
    dataset: Mapping[str, Any],
    evaluation: Mapping[str, Any] | None,
    released: Mapping[str, Any] | None = None,
    created: datetime | None = None,
) -> bytes:
    """Render the document, with the certificate attached: evidence of a guarantee, or a record that there is none.

    It prints no statistic of private rows that no budget paid for; of the internal report it says only whether there is
    one.

    Args:
        certificate: the run's certificate, as JSON.
        ledger: the dataset's ledger: `epsilon_cap`, `delta`, `epsilon_spent`, `epsilon_reserved`, `epsilon_left`,
            `sum_of_epsilons` and `entries` with `run_id`, `user`, `state`, `guarantee`, `epsilon`, `created_at` and
            `purpose`.
        dataset: `id`, `name`, `declared_by`, `declared_rows`, `schema_confirmed_at`, `run_id` and `synthetic_sha256`;
            what is missing is printed as not provided. The exact number of private rows is not among them.
        evaluation: the internal report, or None.
        released: the releasable report, or None; its findings are printed, and the file is attached.
        created: time to print; now, by default.
    """
    import typst  # a compiler that only this function needs

    moment = (created or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    template, build = TEMPLATE, build_content
    if is_unprotected(certificate):
        template, build = UNPROTECTED_TEMPLATE, build_unprotected_content
    content = build(certificate, ledger, dataset, has_evaluation=evaluation is not None, created=moment)
    content |= {"released": released_rows(released)}
    inputs = {
        "content": json.dumps(_printable(content), ensure_ascii=False),
        "certificate": attachment(certificate).decode(),
        "released": "" if released is None else attachment(released).decode(),
        "day": moment.strftime("%Y-%m-%d"),
    }
    compiler = typst.Compiler(STYLE.read_bytes() + template.read_bytes(), sys_inputs=inputs, ignore_system_fonts=True)
    document = compiler.compile(format="pdf", pdf_standards=[*STANDARDS], timestamp=moment)
    if not isinstance(document, bytes):
        raise TypeError("the compiler returned several files for one document")
    return document


def _printable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return breakable(with_glyphs(value), 7.0) if isinstance(value, str) else value
